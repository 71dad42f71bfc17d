/** Deflated pixels: a few are there ten times as soon as by an image, which the browser decodes in another process. */

import { check } from './malformed.js';

/**
 * The pixels as RGBA; anything but `count` of them is an error.
 * @param {Uint8Array<ArrayBuffer>} stream of red, green and blue
 * @param {number} count
 * @returns {Promise<Uint8ClampedArray<ArrayBuffer>>}
 */
export async function inflate(stream, count) {
  const { readable, writable } = new DecompressionStream('deflate');
  const writer = writable.getWriter();
  // What is wrong with the stream is told by what is read of it.
  writer.write(stream).catch(() => {});
  writer.close().catch(() => {});
  const reader = readable.getReader();
  const pixels = new Uint8ClampedArray(4 * count).fill(255);
  let at = 0;
  for (let part; !(part = await reader.read()).done;) {
    check(at + part.value.length <= 3 * count, 'more pixels than the rects have');
    for (const value of part.value) pixels[at + Math.floor(at++ / 3)] = value;
  }
  check(at === 3 * count, 'fewer pixels than the rects have');
  return pixels;
}
