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
  const view = new DataView(await new Response(readable).arrayBuffer());
  const count = areaOf(rects), pixels = new Uint32Array(count);
  let end = 0;
  for (let pixel = 0; pixel < count; pixel++) {
    const at = isIndexed ? count + 3 * view.getUint8(pixel) : 3 * pixel;
    pixels[pixel] = view.getUint16(at, true) | view.getUint8(at + 2) << 16 | 255 << 24;
    end = Math.max(end, at + 3);
  }
  check(end === view.byteLength, 'too many or few pixels');
  return new Uint8ClampedArray(pixels.buffer);
}
