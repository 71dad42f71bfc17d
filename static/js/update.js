/** The pictures of VoXY's wire protocol: updates and their operations. `voxy/session/wire.py` is the specification. */

import { WireError, check } from './malformed.js';

export const BLOCK = 64;

const UPDATE = 1;
const COPY = 1, FILL = 2, RECALL = 3, ATLAS = 4, PATCHES = 5, DEFLATED = 6, VIDEO = 7;
const MAX_SIDE = 16384;
/** By their number; there is none of number 0. */
const ENCODINGS = /** @type {const} */ ([undefined, 'png', 'jpeg']), CODECS = /** @type {const} */ ([undefined, 'h264', 'vp8']);
/** Streams of video that one connection may have at the same time. */
const STREAMS = 4;
const KEY = 1;

/** @typedef {{kind: 'copy', left: number, top: number, width: number, height: number, x: number, y: number}} Copy */
/** @typedef {{kind: 'fill', colour: string, blocks: Uint16Array}} Fill */
/** @typedef {{kind: 'atlas', encoding: 'png' | 'jpeg', columns: number, blocks: Uint16Array,
 *   number: number, image: Uint8Array<ArrayBuffer>}} Atlas */
/** @typedef {{kind: 'recall', number: number, blocks: Uint16Array, places: Uint16Array}} Recall */
/** @typedef {{left: number, top: number, width: number, height: number}} Rect */
/** @typedef {{kind: 'patches', encoding: 'png' | 'jpeg', rects: Rect[], image: Uint8Array<ArrayBuffer>}} Patches */
/** @typedef {{kind: 'deflated', rects: Rect[], stream: Uint8Array<ArrayBuffer>,
 *   pixels: Uint8ClampedArray<ArrayBuffer>}} Deflated
 * `pixels` are RGBA, those of the first rect row by row, then those of the next; none before they are inflated */
/** @typedef {{kind: 'video', codec: 'h264' | 'vp8', stream: number, isKey: boolean, left: number, top: number,
 *   width: number, height: number, chunk: Uint8Array<ArrayBuffer>}} Video */
/** @typedef {Copy | Fill | Atlas | Recall | Patches | Deflated | Video} Operation */
/** @typedef {{type: 'update', seq: number, width: number, height: number, operations: Operation[],
 *   bytes: number}} Update `bytes` is what it took on its way */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Update}
 */
export function parseUpdate(buffer) {
  const reader = new Reader(buffer);
  check(reader.byte() === UPDATE && reader.byte() === 0, 'a binary message of an unknown type');
  const width = reader.short(), height = reader.short(), seq = reader.long();
  check(width > 0 && width <= MAX_SIDE && height > 0 && height <= MAX_SIDE, 'an impossible size of the screen');
  const screen = { width, height, blockCount: Math.ceil(width / BLOCK) * Math.ceil(height / BLOCK) };
  /** @type {Operation[]} */
  const operations = [];
  while (!reader.isAtEnd) operations.push(parseOperation(reader, screen));
  return { type: 'update', seq, width, height, operations, bytes: buffer.byteLength };
}

/** @typedef {{width: number, height: number, blockCount: number}} Size of the screen */

/** Reads what one number follows another in; less than is asked for is an error. */
class Reader {
  #view;
  #at = 0;

  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    this.#view = new DataView(buffer);
  }

  get isAtEnd() {
    return this.#at === this.#view.byteLength;
  }

  byte() {
    return this.#view.getUint8(this.#pass(1));
  }

  short() {
    return this.#view.getUint16(this.#pass(2), true);
  }

  long() {
    return this.#view.getUint32(this.#pass(4), true);
  }

  /** @param {number} length */
  bytes(length) {
    return new Uint8Array(this.#view.buffer, this.#pass(length), length);
  }

  /**
   * @param {number} count
   * @param {number} most what each is less than
   */
  numbers(count, most) {
    const start = this.#pass(2 * count);
    // A copy, since it may start at an odd byte. Every platform that browsers run on is little-endian.
    const numbers = new Uint16Array(this.#view.buffer.slice(start, start + 2 * count));
    for (const number of numbers) check(number < most, 'a block outside of the screen');
    return numbers;
  }

  /** @param {Size} screen */
  rect(screen) {
    const left = this.short(), top = this.short(), width = this.short(), height = this.short();
    check(width > 0 && height > 0, 'a rect of nothing');
    check(left + width <= screen.width && top + height <= screen.height, 'a rect outside of the screen');
    return { left, top, width, height };
  }

  /** @param {number} length of what is read next; where that begins */
  #pass(length) {
    const start = this.#at;
    this.#at += length;
    check(this.#at <= this.#view.byteLength, 'an update cut short');
    return start;
  }
}

/**
 * @param {Reader} reader
 * @param {Size} screen
 * @returns {Operation}
 */
function parseOperation(reader, screen) {
  switch (reader.byte()) {
    case COPY: return parseCopy(reader, screen);
    case FILL: return parseFill(reader, screen);
    case RECALL: return parseRecall(reader, screen);
    case ATLAS: return parseAtlas(reader, screen);
    case PATCHES: return parsePatches(reader, screen);
    case DEFLATED: return parseDeflated(reader, screen);
    case VIDEO: return parseVideo(reader, screen);
    default: throw new WireError('an unknown operation');
  }
}

/**
 * @param {Reader} reader
 * @param {Size} screen
 * @returns {Copy}
 */
function parseCopy(reader, screen) {
  const source = reader.rect(screen), x = reader.short(), y = reader.short();
  check(x + source.width <= screen.width && y + source.height <= screen.height, 'a copy to the outside of the screen');
  return { kind: 'copy', ...source, x, y };
}

/**
 * @param {Reader} reader
 * @param {Size} screen
 * @returns {Fill}
 */
function parseFill(reader, { blockCount }) {
  const colour = '#' + [...reader.bytes(3)].map((part) => part.toString(16).padStart(2, '0')).join('');
  return { kind: 'fill', colour, blocks: reader.numbers(reader.short(), blockCount) };
}

/**
 * @param {Reader} reader
 * @param {Size} screen
 * @returns {Recall}
 */
function parseRecall(reader, { blockCount }) {
  const number = reader.long(), count = reader.short();
  check(number > 0 && count > 0, 'a recall of nothing');
  return { kind: 'recall', number, blocks: reader.numbers(count, blockCount), places: reader.numbers(count, Infinity) };
}

/**
 * @param {Reader} reader
 * @param {Size} screen
 * @returns {Atlas}
 */
function parseAtlas(reader, { blockCount }) {
  const encoding = known(ENCODINGS, reader.byte()), columns = reader.short(), count = reader.short();
  const number = reader.long(), length = reader.long();
  check(columns > 0 && count > 0, 'an atlas without blocks');
  const blocks = reader.numbers(count, blockCount);
  return { kind: 'atlas', encoding, columns, blocks, number, image: reader.bytes(length) };
}

/**
 * @param {Reader} reader
 * @param {Size} screen
 * @returns {Patches}
 */
function parsePatches(reader, screen) {
  const encoding = known(ENCODINGS, reader.byte()), { rects, data } = parseOfRects(reader, screen);
  return { kind: 'patches', encoding, rects, image: data };
}

/**
 * @param {Reader} reader
 * @param {Size} screen
 * @returns {Deflated}
 */
function parseDeflated(reader, screen) {
  reader.byte();
  const { rects, data } = parseOfRects(reader, screen);
  check(areaOf(rects) <= screen.width * screen.height, 'more pixels than the screen has');
  return { kind: 'deflated', rects, stream: data, pixels: new Uint8ClampedArray() };
}

/**
 * What draws rects, all from the same data.
 * @param {Reader} reader
 * @param {Size} screen
 */
function parseOfRects(reader, screen) {
  const count = reader.short(), length = reader.long();
  check(count > 0, 'no rects');
  const rects = [];
  while (rects.length < count) rects.push(reader.rect(screen));
  return { rects, data: reader.bytes(length) };
}

/** @param {Rect[]} rects */
export function areaOf(rects) {
  return rects.reduce((sum, { width, height }) => sum + width * height, 0);
}

/**
 * @param {Reader} reader
 * @param {Size} screen
 * @returns {Video}
 */
function parseVideo(reader, screen) {
  const codec = known(CODECS, reader.byte()), stream = reader.byte(), flags = reader.byte();
  check(stream < STREAMS, 'a video of an unknown stream');
  check((flags & ~KEY) === 0, 'a video with unknown flags');
  const rect = reader.rect(screen), length = reader.long();
  check(length > 0, 'a chunk of nothing');
  return { kind: 'video', codec, stream, isKey: flags === KEY, ...rect, chunk: reader.bytes(length) };
}

/**
 * @template T
 * @param {readonly (T | undefined)[]} names
 * @param {number} number
 * @returns {T}
 */
function known(names, number) {
  const name = names[number];
  if (name === undefined) throw new WireError('an unknown encoding or codec');
  return name;
}
