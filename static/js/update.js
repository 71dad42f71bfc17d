/** The pictures of VoXY's wire protocol: updates and their operations. `voxy/session/wire.py` is the specification. */

import { WireError, check } from './malformed.js';

export const BLOCK = 64;

const UPDATE = 1;
const COPY = 1, FILL = 2, RECALL = 3, ATLAS = 4, PATCHES = 5, DEFLATED = 6, VIDEO = 7;
const UPDATE_BYTES = 10, COPY_BYTES = 13, FILL_BYTES = 6, RECALL_BYTES = 7, ATLAS_BYTES = 14;
const OF_RECTS_BYTES = 8, RECT_BYTES = 8, VIDEO_BYTES = 16;
const MAX_SIDE = 16384;
const ENCODINGS = /** @type {const} */ ({ 1: 'png', 2: 'jpeg' });
const CODECS = /** @type {const} */ ({ 1: 'h264', 2: 'vp8' });
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
  const view = new DataView(buffer);
  check(buffer.byteLength >= UPDATE_BYTES, 'an update cut short');
  check(view.getUint8(0) === UPDATE && view.getUint8(1) === 0, 'a binary message of an unknown type');
  const width = view.getUint16(2, true);
  const height = view.getUint16(4, true);
  check(width > 0 && width <= MAX_SIDE && height > 0 && height <= MAX_SIDE, 'an impossible size of the screen');
  const blockCount = Math.ceil(width / BLOCK) * Math.ceil(height / BLOCK);
  /** @type {Operation[]} */
  const operations = [];
  let offset = UPDATE_BYTES;
  while (offset < buffer.byteLength) {
    const { operation, end } = parseOperation(view, offset, blockCount, { width, height });
    operations.push(operation);
    offset = end;
  }
  return { type: 'update', seq: view.getUint32(6, true), width, height, operations, bytes: buffer.byteLength };
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} offset
 * @param {number} blockCount
 * @param {{width: number, height: number}} screen
 * @returns {{operation: Operation, end: number}}
 */
function parseOperation(view, offset, blockCount, screen) {
  switch (view.getUint8(offset)) {
    case COPY: return parseCopy(view, offset, screen);
    case FILL: return parseFill(view, offset, blockCount);
    case RECALL: return parseRecall(view, offset, blockCount);
    case ATLAS: return parseAtlas(view, offset, blockCount);
    case PATCHES: return parsePatches(view, offset, screen);
    case DEFLATED: return parseDeflated(view, offset, screen);
    case VIDEO: return parseVideo(view, offset, screen);
    default: throw new WireError('an unknown operation');
  }
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} offset
 * @param {{width: number, height: number}} screen
 */
function parseCopy(view, offset, screen) {
  const end = offset + COPY_BYTES;
  check(end <= view.byteLength, 'a copy cut short');
  const source = parseRect(view, offset + 1, screen);
  const x = view.getUint16(offset + 9, true), y = view.getUint16(offset + 11, true);
  check(x + source.width <= screen.width && y + source.height <= screen.height, 'a copy to the outside of the screen');
  return { operation: /** @type {Copy} */ ({ kind: 'copy', ...source, x, y }), end };
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} offset
 * @param {number} blockCount
 */
function parseFill(view, offset, blockCount) {
  const start = offset + FILL_BYTES;
  check(start <= view.byteLength, 'a fill cut short');
  const rgb = view.getUint32(offset, false) & 0xffffff;
  const blocks = parseBlocks(view, start, view.getUint16(offset + 4, true), blockCount);
  const operation = /** @type {Fill} */ ({ kind: 'fill', colour: '#' + rgb.toString(16).padStart(6, '0'), blocks });
  return { operation, end: start + blocks.byteLength };
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} offset
 * @param {number} blockCount
 */
function parseRecall(view, offset, blockCount) {
  const start = offset + RECALL_BYTES;
  check(start <= view.byteLength, 'a recall cut short');
  const number = view.getUint32(offset + 1, true), count = view.getUint16(offset + 5, true);
  check(number > 0 && count > 0, 'a recall of nothing');
  const blocks = parseBlocks(view, start, count, blockCount);
  const places = parseBlocks(view, start + blocks.byteLength, count, Infinity);
  const operation = /** @type {Recall} */ ({ kind: 'recall', number, blocks, places });
  return { operation, end: start + 2 * blocks.byteLength };
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} offset
 * @param {number} blockCount
 */
function parseAtlas(view, offset, blockCount) {
  const start = offset + ATLAS_BYTES;
  check(start <= view.byteLength, 'an atlas cut short');
  const encoding = ENCODINGS[/** @type {keyof typeof ENCODINGS} */ (view.getUint8(offset + 1))];
  const columns = view.getUint16(offset + 2, true);
  const count = view.getUint16(offset + 4, true);
  const number = view.getUint32(offset + 6, true);
  const length = view.getUint32(offset + 10, true);
  check(encoding !== undefined, 'an atlas of an unknown encoding');
  check(columns > 0 && count > 0, 'an atlas without blocks');
  const blocks = parseBlocks(view, start, count, blockCount);
  const from = start + blocks.byteLength;
  check(length <= view.byteLength - from, 'an image cut short');
  const image = new Uint8Array(view.buffer, from, length);
  const operation = /** @type {Atlas} */ ({ kind: 'atlas', encoding, columns, blocks, number, image });
  return { operation, end: from + length };
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} offset
 * @param {{width: number, height: number}} screen
 */
function parsePatches(view, offset, screen) {
  const { rects, data: image, end } = parseOfRects(view, offset, screen, 'patches');
  const encoding = ENCODINGS[/** @type {keyof typeof ENCODINGS} */ (view.getUint8(offset + 1))];
  check(encoding !== undefined, 'patches of an unknown encoding');
  return { operation: /** @type {Patches} */ ({ kind: 'patches', encoding, rects, image }), end };
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} offset
 * @param {{width: number, height: number}} screen
 */
function parseDeflated(view, offset, screen) {
  const { rects, data: stream, end } = parseOfRects(view, offset, screen, 'deflated pixels');
  check(areaOf(rects) <= screen.width * screen.height, 'more pixels than the screen has');
  const operation = /** @type {Deflated} */ ({ kind: 'deflated', rects, stream, pixels: new Uint8ClampedArray() });
  return { operation, end };
}

/**
 * What draws rects, all from the same data.
 * @param {DataView<ArrayBuffer>} view
 * @param {number} offset
 * @param {{width: number, height: number}} screen
 * @param {string} what
 */
function parseOfRects(view, offset, screen, what) {
  const start = offset + OF_RECTS_BYTES;
  check(start <= view.byteLength, `${what} cut short`);
  const { rects, end: from } = parseRects(view, start, view.getUint16(offset + 2, true), screen);
  const end = from + view.getUint32(offset + 4, true);
  check(end <= view.byteLength, `${what} cut short`);
  return { rects, data: new Uint8Array(view.buffer, from, end - from), end };
}

/** @param {Rect[]} rects */
export function areaOf(rects) {
  return rects.reduce((sum, { width, height }) => sum + width * height, 0);
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} start
 * @param {number} count
 * @param {{width: number, height: number}} screen
 */
function parseRects(view, start, count, screen) {
  const end = start + count * RECT_BYTES;
  check(count > 0 && end <= view.byteLength, 'no rects, or too few');
  return {
    rects: Array.from({ length: count }, (_, index) => parseRect(view, start + index * RECT_BYTES, screen)), end,
  };
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} offset
 * @param {{width: number, height: number}} screen
 */
function parseVideo(view, offset, screen) {
  const start = offset + VIDEO_BYTES;
  check(start <= view.byteLength, 'a video cut short');
  const codec = CODECS[/** @type {keyof typeof CODECS} */ (view.getUint8(offset + 1))];
  const stream = view.getUint8(offset + 2);
  const flags = view.getUint8(offset + 3);
  const length = view.getUint32(offset + 12, true);
  check(codec !== undefined, 'a video of an unknown codec');
  check(stream < STREAMS, 'a video of an unknown stream');
  check((flags & ~KEY) === 0, 'a video with unknown flags');
  check(length > 0 && length <= view.byteLength - start, 'a chunk cut short');
  const rect = parseRect(view, offset + 4, screen);
  const chunk = new Uint8Array(view.buffer, start, length);
  const operation = /** @type {Video} */ ({ kind: 'video', codec, stream, isKey: flags === KEY, ...rect, chunk });
  return { operation, end: start + length };
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} offset
 * @param {{width: number, height: number}} screen
 * @returns {Rect}
 */
function parseRect(view, offset, screen) {
  const [left, top, width, height] = /** @type {[number, number, number, number]} */ (
    [0, 2, 4, 6].map((at) => view.getUint16(offset + at, true)));
  check(width > 0 && height > 0, 'a rect of nothing');
  check(left + width <= screen.width && top + height <= screen.height, 'a rect outside of the screen');
  return { left, top, width, height };
}

/**
 * @param {DataView<ArrayBuffer>} view
 * @param {number} start
 * @param {number} count
 * @param {number} blockCount
 */
function parseBlocks(view, start, count, blockCount) {
  check(start + 2 * count <= view.byteLength, 'a list of blocks cut short');
  // A copy, since it may start at an odd byte. Every platform that browsers run on is little-endian.
  const blocks = new Uint16Array(view.buffer.slice(start, start + 2 * count));
  for (const block of blocks) check(block < blockCount, 'a block outside of the screen');
  return blocks;
}
