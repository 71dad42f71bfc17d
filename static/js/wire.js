/** VoXY's wire protocol, the browser's side. `voxy/session/wire.py` is the specification. */

import { WireError, check } from './malformed.js';
import { parseUpdate } from './update.js';

export const PROTOCOL = 3;
export const CURSORS_KEPT = 32;
export const WELCOME_SEQ = 0;
export const CLOSE_MALFORMED = 4400;
export const CLOSE_SESSION_ENDED = 4401;
export const CLOSE_OTHER_VERSION = 4406;

const POINTER = 16, MOTION = 18;
const CLIP_CHUNK = 2, CLIP_CHUNK_IN = 17;
const SPENT = ['grab_ms', 'diff_ms', 'encode_ms', 'send_ms', 'ack_ms'];
const NOTICES = ['paste_too_large', 'copy_too_large'];
const PERMISSIONS = ['view', 'pointer', 'keyboard', 'clipboard_in', 'clipboard_out', 'resize', 'control',
  'take_control', 'status'];
const MODES = ['follow', 'fit', 'actual'];
const MIMES = ['text/plain', 'text/html', 'image/png'];

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
/** @typedef {{type: 'may', permissions: Permission[]}} May */
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
  if (message.type === 'pointer') return serializePointer(message);
  return message.type === 'motion' ? serializeMotion(message) : JSON.stringify(message);
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

/** @param {Pointer} pointer */
function serializePointer({ x, y, buttons }) {
  const view = new DataView(new ArrayBuffer(6));
  view.setUint8(0, POINTER);
  view.setUint16(1, x, true);
  view.setUint16(3, y, true);
  view.setUint8(5, buttons);
  return view.buffer;
}

/** @param {Motion} motion */
function serializeMotion({ dx, dy, buttons }) {
  const view = new DataView(new ArrayBuffer(6));
  view.setUint8(0, MOTION);
  view.setInt16(1, dx, true);
  view.setInt16(3, dy, true);
  view.setUint8(5, buttons);
  return view.buffer;
}

/**
 * @param {string} text
 * @returns {FromServer}
 */
function parseText(text) {
  const message = parseObject(text);
  switch (message.type) {
    case 'welcome':
      check(isNumber(message.protocol) && isString(message.version) && isString(message.name)
        && isString(message.token) && typeof message.resumed === 'boolean', 'a malformed welcome');
      return /** @type {Welcome} */ (message);
    case 'state':
      check(['live', 'stalled', 'lost'].includes(message.state) && isString(message.reason), 'a malformed state');
      return /** @type {State} */ (message);
    case 'cursor':
      check(isNumber(message.id) && isNumber(message.x) && isNumber(message.y), 'a malformed cursor');
      return /** @type {Cursor} */ ({ ...message, png: message.png === null ? null : parseBase64(message.png) });
    case 'pong':
      check(isNumber(message.id), 'a malformed pong');
      return /** @type {Pong} */ (message);
    case 'times':
      check(isNumber(message.seq) && SPENT.every((stage) => isAmount(message[stage])) && isAmount(message.exact)
        && message.exact <= 1, 'malformed times');
      return /** @type {Times} */ (message);
    case 'clipboard':
      check(isNumber(message.takes) && isNumber(message.gives), 'malformed limits of the clipboard');
      return /** @type {Clipboard} */ (message);
    case 'size':
      check(MODES.includes(message.mode) && typeof message.can_follow === 'boolean' && isString(message.reason),
        'a malformed size');
      return /** @type {Sizing} */ (message);
    case 'monitors':
      check(Array.isArray(message.monitors) && message.monitors.every(isMonitor), 'malformed monitors');
      return /** @type {Monitors} */ (message);
    case 'notice':
      check(NOTICES.includes(message.code) && isNumber(message.limit), 'a malformed notice');
      return /** @type {Notice} */ (message);
    case 'title':
      check(isString(message.title), 'a malformed title');
      return /** @type {Title} */ (message);
    case 'place':
      check(isString(message.host) && isString(message.to) && typeof message.is_near === 'boolean', 'a malformed place');
      return /** @type {Place} */ (message);
    case 'people':
      check(isNumber(message.count), 'a malformed number of people');
      return /** @type {People} */ (message);
    case 'may':
      check(Array.isArray(message.permissions) && message.permissions.every(isString), 'malformed permissions');
      // A newer server may know more of them.
      return /** @type {May} */ ({ ...message, permissions: message.permissions.filter(isPermission) });
    case 'control':
      check(Array.isArray(message.people) && message.people.every(isSomebody), 'malformed people');
      return /** @type {Control} */ (message);
    case 'clip_gone':
      return /** @type {ClipGone} */ (message);
    case 'clip':
      check(Array.isArray(message.parts) && message.parts.every(isPart), 'a malformed clip');
      return /** @type {Clip} */ (message);
    case 'clip_ack':
      check(isNumber(message.size), 'a malformed acknowledgement of a clip');
      return /** @type {ClipAck} */ (message);
    default:
      throw new WireError('a text message of an unknown type');
  }
}

/**
 * @param {string} text
 * @returns {Record<string, any>}
 */
function parseObject(text) {
  try {
    const value = JSON.parse(text);
    check(typeof value === 'object' && value !== null, 'a text message that is not an object');
    return value;
  } catch (error) {
    throw error instanceof WireError ? error : new WireError('a text message that is not JSON');
  }
}

/** @param {unknown} text */
function parseBase64(text) {
  check(isString(text), 'a malformed cursor');
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw new WireError('a cursor that is not base64');
  }
}

/** @param {any} monitor */
function isMonitor(monitor) {
  return isString(monitor?.name) && Number.isSafeInteger(monitor.x) && Number.isSafeInteger(monitor.y)
    && isNumber(monitor.width) && isNumber(monitor.height) && typeof monitor.primary === 'boolean';
}

/** @param {any} somebody */
function isSomebody(somebody) {
  return isNumber(somebody?.id) && isString(somebody.name) && isString(somebody.kind) && isString(somebody.reason)
    && ['me', 'may_hold', 'holds', 'asks'].every((name) => typeof somebody[name] === 'boolean');
}

/** @param {string} name */
function isPermission(name) {
  return PERMISSIONS.includes(name);
}

/** @param {any} part of a clip */
function isPart(part) {
  return MIMES.includes(part?.mime) && isNumber(part.size);
}

/** @param {unknown} value @returns {value is string} */
function isString(value) {
  return typeof value === 'string';
}

/** @param {unknown} value @returns {value is number} */
function isNumber(value) {
  return Number.isSafeInteger(value) && /** @type {number} */ (value) >= 0;
}

/** @param {unknown} value @returns {value is number} */
function isAmount(value) {
  return Number.isFinite(value) && /** @type {number} */ (value) >= 0;
}
