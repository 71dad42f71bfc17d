/** Deflated pixels: a few are there ten times as soon as by an image, which the browser decodes in another process. */

import { check } from './malformed.js';
import { areaOf } from './update.js';

/**
 * The pixels as RGBA; more or fewer of them than the rects have, or of their colours, are an error.
 * @param {Pick<import('./update.js').Deflated, 'isIndexed' | 'rects' | 'data'>} deflated
 * @returns {Promise<Uint8ClampedArray<ArrayBuffer>>}
 */
export async function inflate({ isIndexed, rects, data }) {
  const { readable, writable } = new DecompressionStream('deflate');
  const writer = writable.getWriter();
  // What is wrong with the stream is told by what is read of it.
  writer.write(data).catch(() => {});
  writer.close().catch(() => {});
  const count = areaOf(rects), pixels = new Uint32Array(count), reader = readable.getReader();
  // An index and a colour for each pixel at the most: a stream that swells to more doesn't fit, which is an error.
  const inflated = new Uint8Array(4 * count), view = new DataView(inflated.buffer);
  let size = 0, end = 0;
  for (let part; (part = (await reader.read()).value); size += part.length) inflated.set(part, size);
  for (let pixel = 0; pixel < count; pixel++) {
    const at = isIndexed ? count + 3 * view.getUint8(pixel) : 3 * pixel;
    pixels[pixel] = view.getUint16(at, true) | view.getUint8(at + 2) << 16 | 255 << 24;
    end = Math.max(end, at + 3);
  }
  check(end === size, 'too many or few pixels');
  return new Uint8ClampedArray(pixels.buffer);
}
