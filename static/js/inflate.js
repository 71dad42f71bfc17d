/** Deflated pixels: a few are there ten times as soon as by an image, which the browser decodes in another process. */

import { check } from './malformed.js';
import { areaOf } from './update.js';

/** Of indexed pixels. */
const MOST_COLOURS = 16;

/** @typedef {Pick<import('./update.js').Deflated, 'isIndexed' | 'rects' | 'data'>} Deflated */

/**
 * What the stream holds: an index for each pixel, then the colours; or a colour for each. More or fewer of them than
 * the rects have, or than the indices count, are an error. It goes to the page as it is, as less than pixels.
 * @param {Deflated} deflated
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function inflate({ isIndexed, rects, data }) {
  const { readable, writable } = new DecompressionStream('deflate');
  const writer = writable.getWriter();
  // What is wrong with the stream is told by what is read of it.
  writer.write(data).catch(() => {});
  writer.close().catch(() => {});
  const reader = readable.getReader(), area = areaOf(rects), start = isIndexed ? lengthOf(area) : 0;
  // A stream that swells to more than there can be doesn't fit, which is an error.
  const inflated = new Uint8Array(start + 3 * (isIndexed ? MOST_COLOURS : area));
  let size = 0, colours = isIndexed ? 1 : area;
  for (let part; (part = (await reader.read()).value); size += part.length) inflated.set(part, size);
  for (let pair = 0; pair < start; pair++) {
    const indices = at(inflated, pair);
    colours = Math.max(colours, 1 + (indices >> 4), 1 + (indices & 15));
  }
  check(size === start + 3 * colours, 'too many or few pixels');
  // A copy: with a part of an array all of it would go.
  return inflated.slice(0, size);
}

/**
 * The pixels, RGBA in memory; of an odd number that are indexed, one more.
 * @param {Deflated} inflated `data` is what the stream held
 */
export function pixelsOf({ isIndexed, rects, data }) {
  if (!isIndexed) return coloursOf(data);
  const start = lengthOf(areaOf(rects)), colours = coloursOf(data.subarray(start)), pixels = new Uint32Array(2 * start);
  for (let pair = 0; pair < start; pair++) {
    const indices = at(data, pair);
    pixels[2 * pair] = at(colours, indices >> 4);
    pixels[2 * pair + 1] = at(colours, indices & 15);
  }
  return pixels;
}

/**
 * Bytes of the indices of so many pixels, two to a byte; behind them is the palette.
 * @param {number} pixels
 */
function lengthOf(pixels) {
  return Math.ceil(pixels / 2);
}

/** @param {Uint8Array} bytes */
function coloursOf(bytes) {
  const colours = new Uint32Array(bytes.length / 3);
  for (let colour = 0, byte = 0; byte < bytes.length; colour++, byte += 3) {
    colours[colour] = at(bytes, byte) | at(bytes, byte + 1) << 8 | at(bytes, byte + 2) << 16 | 255 << 24;
  }
  return colours;
}

/**
 * @param {Uint8Array | Uint32Array} items
 * @param {number} index of one that there is
 */
function at(items, index) {
  return /** @type {number} */ (items[index]);
}
