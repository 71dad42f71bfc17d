/** Deflated pixels: a few are there ten times as soon as by an image, which the browser decodes in another process. */

import { check } from './malformed.js';
import { areaOf } from './update.js';

/** @typedef {Pick<import('./update.js').Deflated, 'isIndexed' | 'rects' | 'data'>} Deflated */

/**
 * What the stream holds: an index for each pixel, then the colours; or a colour for each. More or fewer of them than
 * the rects have, or than the indices count, are an error. It goes to the page as it is, a quarter of the pixels.
 * @param {Deflated} deflated
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function inflate({ isIndexed, rects, data }) {
  const { readable, writable } = new DecompressionStream('deflate');
  const writer = writable.getWriter();
  // What is wrong with the stream is told by what is read of it.
  writer.write(data).catch(() => {});
  writer.close().catch(() => {});
  const count = areaOf(rects), reader = readable.getReader();
  // An index and a colour for each pixel at the most: a stream that swells to more doesn't fit, which is an error.
  const inflated = new Uint8Array(4 * count);
  let size = 0;
  for (let part; (part = (await reader.read()).value); size += part.length) inflated.set(part, size);
  let last = 0;
  if (isIndexed) for (let pixel = 0; pixel < count; pixel++) last = Math.max(last, at(inflated, pixel));
  check(size === (isIndexed ? count + 3 * (last + 1) : 3 * count), 'too many or few pixels');
  // A copy: with a part of an array all of it would go.
  return inflated.slice(0, size);
}

/**
 * The pixels as RGBA.
 * @param {Deflated} inflated `data` is what the stream held
 */
export function pixelsOf({ isIndexed, rects, data }) {
  const indices = isIndexed ? areaOf(rects) : 0, colours = coloursOf(data.subarray(indices));
  const pixels = isIndexed ? new Uint32Array(indices) : colours;
  for (let pixel = 0; pixel < indices; pixel++) pixels[pixel] = at(colours, at(data, pixel));
  return new Uint8ClampedArray(pixels.buffer);
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
