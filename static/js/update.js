/** The pictures of VoXY's wire protocol: updates and their operations. `voxy/session/wire.py` is the specification. */

import { WireError } from './malformed.js';

export const BLOCK = 64;

const UPDATE = 1;
const COPY = 1, FILL = 2, RECALL = 3, ATLAS = 4, PATCHES = 5, DEFLATED = 6, VIDEO = 7;
const MAX_SIDE = 16384;
/** By their number; there is none of number 0. */
const ENCODINGS = /** @type {const} */ ([undefined, 'png', 'jpeg']), CODECS = /** @type {const} */ ([undefined, 'h264', 'vp8']);
/** Streams of video that one connection may have at the same time. */
const STREAMS = 4;
const KEY = 1, INDEXED = 1;

/** @typedef {{kind: 'copy', left: number, top: number, width: number, height: number, x: number, y: number}} Copy */
/** @typedef {{kind: 'fill', colour: string, blocks: Uint16Array}} Fill */
/** @typedef {{kind: 'atlas', encoding: 'png' | 'jpeg', columns: number, blocks: Uint16Array,
 *   number: number, data: Uint8Array<ArrayBuffer>}} Atlas `data` is an image's, as for Patches */
/** @typedef {{kind: 'recall', number: number, blocks: Uint16Array, places: Uint16Array}} Recall */
/** @typedef {{left: number, top: number, width: number, height: number}} Rect */
/** @typedef {{kind: 'patches', encoding: 'png' | 'jpeg', rects: Rect[], data: Uint8Array<ArrayBuffer>}} Patches */
/** @typedef {{kind: 'deflated', isIndexed: boolean, rects: Rect[], data: Uint8Array<ArrayBuffer>}} Deflated
 * `data` is a stream of zlib's, and what that held once it is inflated: the pixels of the first rect row by row, then
 * those of the next */
/** @typedef {{kind: 'video', codec: 'h264' | 'vp8', stream: number, isKey: boolean, left: number, top: number,
 *   width: number, height: number, data: Uint8Array<ArrayBuffer>}} Video */
/** @typedef {Copy | Fill | Atlas | Recall | Patches | Deflated | Video} Operation */
/** @typedef {{type: 'update', seq: number, width: number, height: number, operations: Operation[],
 *   bytes: number}} Update `bytes` is what it took on its way */

/**
 * @param {ArrayBuffer} buffer
 * @returns {Update}
 */
export function parseUpdate(buffer) {
  return new Reader(buffer).update();
}

/** @param {Rect[]} rects */
export function areaOf(rects) {
  return rects.reduce((sum, { width, height }) => sum + width * height, 0);
}

/** Reads an update, one number after the other; an error says up to where that went well. */
class Reader {
  #view;
  #at = 0;
  #width = 0;
  #height = 0;

  /** @param {ArrayBuffer} buffer */
  constructor(buffer) {
    this.#view = new DataView(buffer);
  }

  /** @returns {Update} */
  update() {
    this.#check(this.#byte() === UPDATE && this.#byte() === 0);
    const bytes = this.#view.byteLength, width = this.#width = this.#short(), height = this.#height = this.#short();
    this.#check(width > 0 && width <= MAX_SIDE && height > 0 && height <= MAX_SIDE);
    const seq = this.#long();
    /** @type {Operation[]} */
    const operations = [];
    while (this.#at < bytes) operations.push(this.#operation());
    return { type: 'update', seq, width, height, operations, bytes };
  }

  /** @returns {Operation} */
  #operation() {
    switch (this.#byte()) {
      case COPY: return this.#copy();
      case FILL: return this.#fill();
      case RECALL: return this.#recall();
      case ATLAS: return this.#atlas();
      case PATCHES: return this.#patches();
      case DEFLATED: return this.#deflated();
      case VIDEO: return this.#video();
      default: throw this.#error;
    }
  }

  /** @returns {Copy} */
  #copy() {
    const source = this.#rect(), x = this.#short(), y = this.#short();
    this.#check(x + source.width <= this.#width && y + source.height <= this.#height);
    return { kind: 'copy', ...source, x, y };
  }

  /** @returns {Fill} */
  #fill() {
    return { kind: 'fill', colour: `rgb(${this.#bytes(3)})`, blocks: this.#blocks(this.#short()) };
  }

  /** @returns {Recall} */
  #recall() {
    const number = this.#long(), count = this.#short();
    this.#check(number > 0 && count > 0);
    return { kind: 'recall', number, blocks: this.#blocks(count), places: this.#shorts(count) };
  }

  /** @returns {Atlas} */
  #atlas() {
    const encoding = this.#known(ENCODINGS), columns = this.#short(), count = this.#short();
    const number = this.#long(), length = this.#long();
    this.#check(columns > 0 && count > 0);
    return { kind: 'atlas', encoding, columns, blocks: this.#blocks(count), number, data: this.#bytes(length) };
  }

  /** @returns {Patches} */
  #patches() {
    return { kind: 'patches', encoding: this.#known(ENCODINGS), ...this.#ofRects() };
  }

  /** @returns {Deflated} */
  #deflated() {
    const form = this.#byte(), of = this.#ofRects();
    this.#check(form <= INDEXED && areaOf(of.rects) <= this.#width * this.#height);
    return { kind: 'deflated', isIndexed: form === INDEXED, ...of };
  }

  /** @returns {Video} */
  #video() {
    const codec = this.#known(CODECS), stream = this.#byte(), flags = this.#byte();
    this.#check(stream < STREAMS && (flags & ~KEY) === 0);
    const rect = this.#rect(), length = this.#long();
    this.#check(length > 0);
    return { kind: 'video', codec, stream, isKey: flags === KEY, ...rect, data: this.#bytes(length) };
  }

  /** What draws rects, all from the same data. */
  #ofRects() {
    const count = this.#short(), length = this.#long(), rects = [];
    this.#check(count > 0);
    while (rects.length < count) rects.push(this.#rect());
    return { rects, data: this.#bytes(length) };
  }

  /** @returns {Rect} */
  #rect() {
    const left = this.#short(), top = this.#short(), width = this.#short(), height = this.#short();
    this.#check(width > 0 && height > 0 && left + width <= this.#width && top + height <= this.#height);
    return { left, top, width, height };
  }

  /** @param {number} count */
  #blocks(count) {
    const blocks = this.#shorts(count), all = Math.ceil(this.#width / BLOCK) * Math.ceil(this.#height / BLOCK);
    for (const block of blocks) this.#check(block < all);
    return blocks;
  }

  /** @param {number} count */
  #shorts(count) {
    const start = this.#pass(2 * count);
    // A copy, since it may start at an odd byte. Every platform that browsers run on is little-endian.
    return new Uint16Array(this.#view.buffer.slice(start, start + 2 * count));
  }

  /** @param {number} length */
  #bytes(length) {
    return new Uint8Array(this.#view.buffer, this.#pass(length), length);
  }

  #byte() {
    return this.#view.getUint8(this.#pass(1));
  }

  #short() {
    return this.#view.getUint16(this.#pass(2), true);
  }

  #long() {
    return this.#view.getUint32(this.#pass(4), true);
  }

  /** @param {number} length of what is read next; where that begins */
  #pass(length) {
    const start = this.#at;
    this.#at += length;
    this.#check(this.#at <= this.#view.byteLength);
    return start;
  }

  /**
   * @template T
   * @param {readonly (T | undefined)[]} names
   * @returns {T} the one whose number is next
   */
  #known(names) {
    const name = names[this.#byte()];
    if (name === undefined) throw this.#error;
    return name;
  }

  /** @param {boolean} isFine what was read last */
  #check(isFine) {
    if (!isFine) throw this.#error;
  }

  get #error() {
    return new WireError(`an update that is malformed before byte ${this.#at} of ${this.#view.byteLength}`);
  }
}
