/** Decodes the images of updates in parallel, and hands the updates over in the order in which they came. */

import { now } from './clock.js';
import { inflate } from './inflate.js';
import { PartLost, check } from './malformed.js';
import { BLOCK } from './update.js';

/** @typedef {import('./update.js').Update} Update */
/** @typedef {import('./update.js').Atlas | import('./update.js').Patches} Imaged */
/** @typedef {import('./update.js').Deflated} Deflated */
/** @typedef {import('./update.js').Video} Video */
/** @typedef {Imaged | Video} Pictured */
/** @typedef {{update: Update, bitmaps: (ImageBitmap | null)[], left: number, takenAt: number, decodeMs: number}} Decoded
 * `bitmaps` has one entry for each operation, null for what is drawn without; `takenAt` is by the clock of all threads. */

const NOTHING = new Uint8Array();

export class Decoder {
  /** @type {Decoded[]} */
  #queue = [];
  #onDecoded;
  #onError;
  #createBitmap;
  #videos;

  /**
   * @param {(decoded: Decoded) => void} onDecoded takes over the bitmaps, and closes them
   * @param {(error: unknown) => void} onError nothing after the update that failed is handed over; reset() starts anew
   * @param {(imaged: Imaged) => Promise<ImageBitmap>} [createBitmap]
   * @param {Pick<import('./video.js').Videos, 'decode' | 'reset'>} [videos]
   */
  constructor(onDecoded, onError, createBitmap = createPictureBitmap, videos = new FetchedVideos()) {
    this.#onDecoded = onDecoded;
    this.#onError = onError;
    this.#createBitmap = createBitmap;
    this.#videos = videos;
  }

  /** @param {Update} update */
  take(update) {
    const bitmaps = new Array(update.operations.length).fill(null);
    const entry = { update, bitmaps, left: 0, takenAt: now(), decodeMs: 0 };
    this.#queue.push(entry);
    update.operations.forEach((operation, index) => {
      const coming = this.#decode(operation);
      if (!coming) return;
      entry.left++;
      // One `then` and no `async`: every further hop would keep the picture waiting for other work of the page.
      coming.then((part) => {
        // What is decoded goes on to the page; the file has done its work.
        const [bitmap, data] = 'close' in part ? [part, NOTHING] : [null, part];
        if (!this.#queue.includes(entry)) return bitmap?.close();
        bitmaps[index] = bitmap;
        Object.assign(operation, { data });
        check(!bitmap || hasSizeFor(bitmap, /** @type {Pictured} */ (operation)), 'an image of the wrong size');
        if (--entry.left) return;
        entry.decodeMs = now() - entry.takenAt;
        this.#handOver();
      }).catch((error) => {
        if (this.#queue.includes(entry)) this.#onError(error);
      });
    });
    if (!entry.left) this.#handOver();
  }

  /**
   * @param {import('./update.js').Operation} operation
   * @returns {Promise<ImageBitmap | Uint8Array<ArrayBuffer>> | false} false for what is drawn as it is
   */
  #decode(operation) {
    return 'encoding' in operation ? this.#createBitmap(operation)
      : operation.kind === 'video' ? this.#videos.decode(operation) : operation.kind === 'deflated' && inflate(operation);
  }

  /** Forget all that is under way: the connection that it came by is gone. */
  reset() {
    for (const entry of this.#queue.splice(0)) entry.bitmaps.forEach((bitmap) => bitmap?.close());
    this.#videos.reset();
  }

  #handOver() {
    for (let next; (next = this.#queue[0]) && !next.left; this.#queue.shift()) this.#onDecoded(next);
  }
}

/**
 * Whether an image is as large as what is drawn from it.
 * @param {{width: number, height: number}} bitmap
 * @param {{columns: number, blocks: {length: number}} | {rects: import('./update.js').Rect[]}
 *   | {width: number, height: number}} pictured
 */
export function hasSizeFor(bitmap, pictured) {
  const [width, height] = sizeOf(pictured);
  return bitmap.width === width && bitmap.height === height;
}

/**
 * @param {Parameters<typeof hasSizeFor>[1]} pictured
 * @returns {[width: number, height: number]}
 */
function sizeOf(pictured) {
  if ('width' in pictured) return [pictured.width, pictured.height];
  if ('rects' in pictured) {
    const { rects } = pictured;
    return [Math.max(...rects.map(({ width }) => width)), rects.reduce((sum, { height }) => sum + height, 0)];
  }
  const { columns, blocks } = pictured;
  return [columns * BLOCK, Math.ceil(blocks.length / columns) * BLOCK];
}

/**
 * No options: images without alpha and without a colour profile are exact without them, while colorSpaceConversion or
 * premultiplyAlpha 'none' makes Chromium convert the whole bitmap once more (15 ms for 9 at 1920×1080).
 * @param {Imaged} imaged
 */
function createPictureBitmap({ data, encoding }) {
  return createImageBitmap(new Blob([data], { type: `image/${encoding}` }));
}

/** Videos, whose code is fetched with the first of them. */
class FetchedVideos {
  /** @type {Promise<import('./video.js').Videos> | null} */
  #videos = null;

  /**
   * @param {Video} video
   * @returns {Promise<ImageBitmap>}
   */
  decode(video) {
    this.#videos ??= import('./video.js').then(
      ({ Videos }) => new Videos(), (error) => Promise.reject(new PartLost(String(error))));
    return this.#videos.then((videos) => videos.decode(video));
  }

  reset() {
    this.#videos?.then((videos) => videos.reset(), () => {});
  }
}
