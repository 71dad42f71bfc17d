/** VoXY's wire protocol, the browser's side. `voxy/session/wire.py` is the specification. */

import { WireError, check } from './malformed.js';
import { parseUpdate } from './update.js';

export const PROTOCOL = 5;
export const CURSORS_KEPT = 32;
export const WELCOME_SEQ = 0;
export const CLOSE_MALFORMED = 4400;
export const CLOSE_SESSION_ENDED = 4401;
export const CLOSE_OTHER_VERSION = 4406;

const POINTER = 16, MOTION = 18;
const CLIP_CHUNK = 2, CLIP_CHUNK_IN = 17;

/** @typedef {import('./update.js').Update} Update */
/** @typedef {{type: 'welcome', protocol: number, version: string, name: string, token: string,
 *   resumed: boolean}} Welcome */
/** @typedef {{type: 'state', state: 'live' | 'stalled' | 'lost', reason: string}} State */
/** @typedef {{type: 'cursor', id: number, x: number, y: number, png: Uint8Array<ArrayBuffer> | null}} Cursor */
/** @typedef {{type: 'pong', id: number}} Pong */
/** @typedef {{type: 'times', seq: number, grab_ms: number, diff_ms: number, encode_ms: number, send_ms: number,
 *   ack_ms: number, exact: number}} Times */
/** @typedef {{type: 'clipboard', takes: number, gives: number}} Clipboard */
/** @typedef {{type: 'notice', code: 'paste_too_large' | 'copy_too_large', limit: number}} Notice */
/** @typedef {{type: 'title', title: string}} Title */
/** @typedef {{type: 'place', host: string, to: string, is_near: boolean}} Place */
/** @typedef {{type: 'people', count: number}} People */
/** @typedef {'view' | 'pointer' | 'keyboard' | 'clipboard_in' | 'clipboard_out' | 'resize' | 'control'
 *   | 'take_control' | 'status'} Permission */
/** @typedef {{type: 'may', permissions: (Permission | string)[]}} May a newer server may know more of them */
/** @typedef {{id: number, name: string, me: boolean, may_hold: boolean, holds: boolean, asks: boolean,
 *   kind: 'person' | 'program', reason: string}} Somebody */
/** @typedef {{type: 'control', people: Somebody[]}} Control */
/** @typedef {'follow' | 'fit' | 'actual'} Mode how a desktop is shown */
/** @typedef {{type: 'size', mode: Mode, can_follow: boolean, reason: string}} Sizing */
/** @typedef {{name: string, x: number, y: number, width: number, height: number, primary: boolean}} Monitor */
/** @typedef {{type: 'monitors', monitors: Monitor[]}} Monitors */
/** @typedef {{type: 'clip_gone'}} ClipGone */
/** @typedef {Update | Welcome | State | Cursor | Pong | Times | Clipboard | Sizing | Monitors | Notice
 *   | Title | Place | People | May | Control | ClipGone | Clip | ClipChunk | ClipAck} FromServer */

/** @typedef {'text/plain' | 'text/html' | 'image/png'} Mime */
/** @typedef {{type: 'clip', parts: {mime: Mime, size: number}[]}} Clip either way, as the next two */
/** @typedef {{type: 'clip_chunk', data: Uint8Array<ArrayBuffer>}} ClipChunk */
/** @typedef {{type: 'clip_ack', size: number}} ClipAck */

/** @typedef {{type: 'pointer', x: number, y: number, buttons: number}} Pointer */
/** @typedef {{type: 'motion', dx: number, dy: number, buttons: number}} Motion */
/** @typedef {{type: 'hello', protocol: number, capabilities: string[], hidden: boolean, keeps: number,
 *   resume: Resume | null}} Hello */
/** @typedef {{token: string, seq: number, images: boolean}} Resume where a viewer goes on */
/** @typedef {{type: 'ack', seq: number, decode_ms: number}} Ack */
/** @typedef {{type: 'key', key: string, code: string, down: boolean}} Key */
/** @typedef {{type: 'wheel', x: number, y: number, dx: number, dy: number}} Wheel */
/** @typedef {{type: 'text', text: string}} Text */
/** @typedef {{type: 'release'}} Release */
/** @typedef {{type: 'view', hidden: boolean}} View */
/** @typedef {'auto' | 'exact' | 'light'} Level */
/** @typedef {{type: 'quality', level: Level}} Quality */
/** @typedef {{type: 'window', width: number, height: number, scale: number, follow: boolean, lead: boolean}} Window */
/** @typedef {{type: 'statistics', on: boolean}} Statistics */
/** @typedef {{type: 'ping', id: number}} Ping */
/** @typedef {{type: 'ask_control' | 'take_control', kind: 'person' | 'program', reason: string, seconds: number}} Claim */
/** @typedef {{type: 'give_control', to: number}} GiveControl */
/** @typedef {{type: 'leave_control'}} LeaveControl */
/** @typedef {Pointer | Motion | Hello | Ack | Key | Text | Wheel | Release | View | Quality | Window | Statistics
 *   | Ping | Clip | ClipChunk | ClipAck | Claim | GiveControl | LeaveControl} ToServer */

/** @typedef {(value: any) => boolean} Check whether a value is as it has to be */

/** @type {(shape: Record<string, Check>) => Check} */
const has = (shape) => (value) => Object.entries(shape).every(([name, isRight]) => isRight(value?.[name]));

/** What the server says in words: by its type, what each of its properties has to be. */
const SHAPES = shapes();

/** @returns {Record<string, Record<string, Check>>} */
function shapes() {
  /** @type {Check} */
  const isString = (value) => typeof value === 'string';
  /** @type {Check} */
  const isFlag = (value) => typeof value === 'boolean';
  /** @type {Check} */
  const isNumber = (value) => Number.isSafeInteger(value) && value >= 0;
  /** @type {Check} */
  const isAmount = (value) => Number.isFinite(value) && value >= 0;
  /** @type {(names: readonly string[]) => Check} */
  const isOneOf = (names) => (value) => names.includes(value);
  /** @type {(isPart: Check) => Check} */
  const listOf = (isPart) => (value) => Array.isArray(value) && value.every(isPart);

  return {
    welcome: { protocol: isNumber, version: isString, name: isString, token: isString, resumed: isFlag },
    state: { state: isOneOf(['live', 'stalled', 'lost']), reason: isString },
    cursor: { id: isNumber, x: isNumber, y: isNumber, png: (value) => value === null || isString(value) },
    pong: { id: isNumber },
    times: {
      seq: isNumber, grab_ms: isAmount, diff_ms: isAmount, encode_ms: isAmount, send_ms: isAmount, ack_ms: isAmount,
      exact: (value) => isAmount(value) && value <= 1,
    },
    clipboard: { takes: isNumber, gives: isNumber },
    size: { mode: isOneOf(['follow', 'fit', 'actual']), can_follow: isFlag, reason: isString },
    monitors: {
      monitors: listOf(has({
        name: isString, x: Number.isSafeInteger, y: Number.isSafeInteger, width: isNumber, height: isNumber, primary: isFlag,
      })),
    },
    notice: { code: isOneOf(['paste_too_large', 'copy_too_large']), limit: isNumber },
    title: { title: isString },
    place: { host: isString, to: isString, is_near: isFlag },
    people: { count: isNumber },
    may: { permissions: listOf(isString) },
    control: {
      people: listOf(has({
        id: isNumber, name: isString, kind: isString, reason: isString, me: isFlag, may_hold: isFlag, holds: isFlag,
        asks: isFlag,
      })),
    },
    clip_gone: {},
    clip: { parts: listOf(has({ mime: isOneOf(['text/plain', 'text/html', 'image/png']), size: isNumber })) },
    clip_ack: { size: isNumber },
  };
}

/**
 * The message that the server sent.
 * @param {string | ArrayBuffer} data
 * @returns {FromServer}
 * @throws {WireError} for anything that isn't exactly one
 */
export function parse(data) {
  if (typeof data === 'string') return parseText(data);
  return new Uint8Array(data)[0] === CLIP_CHUNK ? parseClipChunk(data) : parseUpdate(data);
}

/**
 * @param {ToServer} message
 * @returns {string | ArrayBuffer}
 */
export function serialize(message) {
  if (message.type === 'clip_chunk') return serializeClipChunk(message);
  if (message.type === 'pointer') return serializePointing(POINTER, message.x, message.y, message.buttons);
  if (message.type === 'motion') return serializePointing(MOTION, message.dx, message.dy, message.buttons);
  return JSON.stringify(message);
}

/** @param {ClipChunk} chunk */
function serializeClipChunk({ data }) {
  const bytes = new Uint8Array(1 + data.length);
  bytes[0] = CLIP_CHUNK_IN;
  bytes.set(data, 1);
  return bytes.buffer;
}

/**
 * @param {ArrayBuffer} buffer
 * @returns {ClipChunk}
 */
function parseClipChunk(buffer) {
  check(buffer.byteLength > 1, 'a chunk of nothing');
  return { type: 'clip_chunk', data: new Uint8Array(buffer, 1) };
}

/**
 * @param {number} type
 * @param {number} x
 * @param {number} y
 * @param {number} buttons
 */
function serializePointing(type, x, y, buttons) {
  const view = new DataView(new ArrayBuffer(6));
  view.setUint8(0, type);
  view.setInt16(1, x, true);
  view.setInt16(3, y, true);
  view.setUint8(5, buttons);
  return view.buffer;
}

/**
 * @param {string} text
 * @returns {FromServer}
 */
function parseText(text) {
  const message = parseObject(text), { type } = message;
  if (!Object.hasOwn(SHAPES, type)) throw new WireError('a text message of an unknown type');
  check(has(SHAPES[type] ?? {})(message), `a malformed message: ${type}`);
  if (type === 'cursor') return /** @type {Cursor} */ ({ ...message, png: message.png === null ? null : parseBase64(message.png) });
  return /** @type {FromServer} */ (message);
}

/**
 * @param {string} text
 * @returns {Record<string, any>}
 */
function parseObject(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    throw new WireError('a text message that is not JSON');
  }
}

/** @param {string} text */
function parseBase64(text) {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new WireError('a cursor that is not base64');
  }
}
