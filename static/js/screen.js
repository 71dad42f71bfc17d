/** The canvas that shows the remote screen, pixel for pixel. */

import { pixelsOf } from './inflate.js';
import { WireError } from './malformed.js';
import { BLOCK } from './update.js';

/** @typedef {import('./decoder.js').Decoded} Decoded */
/** @typedef {import('./update.js').Fill} Fill */
/** @typedef {import('./update.js').Atlas} Atlas */
/** @typedef {{bitmap: ImageBitmap, columns: number, count: number}} Kept */
/** @typedef {{column: number, row: number, imageColumn: number, imageRow: number, columns: number, rows: number}} Run
 * A rect of blocks that are neighbours in the same way on the screen and in the image; counted in blocks. */

/** Bytes of images that are kept to draw from again, at four bytes a pixel: some 16 screens of 1920×1080. */
export const KEPT_BYTES = 128 << 20;

/** Rows that are moved at a time: as many as the processor's cache has room for, 2 ms sooner than all at once. */
const STRIPE = 192;

export class Screen {
  #canvas;
  #context;
  /** Where a stripe of what moves waits; a canvas that is drawn onto itself is copied whole by the browser first. */
  #aside;
  #onResize;
  /** The images kept, the least recently used first; the server counts alike. @type {Map<number, Kept>} */
  #kept = new Map();
  #keptBytes = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} onResize called when the remote screen has another size
   */
  constructor(canvas, onResize) {
    this.#canvas = canvas;
    this.#onResize = onResize;
    this.#context = contextOf(canvas);
    this.#aside = contextOf(/** @type {HTMLCanvasElement} */ (canvas.cloneNode()));
  }

  /**
   * Paint an update whole. What is drawn within one task is shown within one frame.
   * @param {Decoded} decoded
   */
  paint({ update, bitmaps }) {
    this.#resize(update.width, update.height);
    update.operations.forEach((operation, index) => {
      const bitmap = bitmaps[index];
      if (operation.kind === 'copy') this.#copy(operation);
      else if (operation.kind === 'fill') this.#fill(operation);
      else if (operation.kind === 'recall') this.#recall(operation);
      else if (operation.kind === 'deflated') this.#put(operation);
      else if (bitmap) {
        if (operation.kind === 'atlas') this.#draw(operation, bitmap);
        else if (operation.kind === 'patches') this.#patch(operation, bitmap);
        else this.#show(operation, bitmap);
      }
    });
    this.#evict();
  }

  /**
   * Show a picture of the whole screen.
   * @param {ImageBitmap} bitmap
   */
  restore(bitmap) {
    this.#resize(bitmap.width, bitmap.height);
    this.#show({ left: 0, top: 0 }, bitmap);
  }

  /** Forget the images that were kept: the server doesn't know of them. */
  forget() {
    for (const { bitmap } of this.#kept.values()) bitmap.close();
    this.#kept.clear();
    this.#keptBytes = 0;
  }

  #evict() {
    for (const [number, { bitmap }] of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES) return;
      this.#keptBytes -= sizeOf(bitmap);
      this.#kept.delete(number);
      bitmap.close();
    }
  }

  /**
   * @param {number} width
   * @param {number} height
   */
  #resize(width, height) {
    const canvas = this.#canvas, aside = this.#aside.canvas;
    if (canvas.width === width && canvas.height === height) return;
    // Setting a size clears an opaque canvas to black.
    canvas.width = aside.width = width;
    canvas.height = height;
    aside.height = STRIPE;
    this.#onResize();
  }

  get #gridColumns() {
    return Math.ceil(this.#canvas.width / BLOCK);
  }

  /** @param {import('./update.js').Copy} copy */
  #copy({ left, top, width, height, x, y }) {
    const context = this.#context, aside = this.#aside;
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    for (let done = 0; done < height; done += STRIPE) {
      // What goes down begins at the bottom, so that nothing is overwritten before it is moved.
      const from = y > top ? height - done - STRIPE : done;
      // Canvases whole, within the clip: browsers are slower with parts of them.
      aside.drawImage(this.#canvas, -left, -top - from);
      context.drawImage(aside.canvas, x, y + from);
    }
    context.restore();
  }

  /** @param {Fill} fill */
  #fill({ colour, blocks }) {
    this.#context.fillStyle = colour;
    for (const run of runs(blocks, Infinity, this.#gridColumns)) {
      this.#context.fillRect(run.column * BLOCK, run.row * BLOCK, run.columns * BLOCK, run.rows * BLOCK);
    }
  }

  /**
   * @param {Atlas} atlas
   * @param {ImageBitmap} bitmap
   */
  #draw({ blocks, columns, number }, bitmap) {
    this.#drawBlocks(blocks, columns, bitmap);
    if (!number) return bitmap.close();
    this.#kept.set(number, { bitmap, columns, count: blocks.length });
    this.#keptBytes += sizeOf(bitmap);
  }

  /** @param {import('./update.js').Recall} recall */
  #recall({ number, blocks, places }) {
    const kept = this.#kept.get(number);
    if (!kept || places.some((place) => place >= kept.count)) throw new WireError('a recall of what is not kept');
    this.#kept.delete(number);
    this.#kept.set(number, kept);
    this.#drawBlocks(blocks, kept.columns, kept.bitmap, places);
  }

  /**
   * @param {Uint16Array} blocks
   * @param {number} columns of the image
   * @param {ImageBitmap} bitmap
   * @param {Uint16Array} [places] of the blocks in the image; one after the other where they aren't given
   */
  #drawBlocks(blocks, columns, bitmap, places) {
    for (const run of runs(blocks, columns, this.#gridColumns, places)) {
      const width = run.columns * BLOCK, height = run.rows * BLOCK;
      this.#context.drawImage(
        bitmap,
        run.imageColumn * BLOCK, run.imageRow * BLOCK, width, height,
        run.column * BLOCK, run.row * BLOCK, width, height,
      );
    }
  }

  /**
   * @param {import('./update.js').Patches} patches
   * @param {ImageBitmap} bitmap
   */
  #patch({ rects }, bitmap) {
    let from = 0;
    for (const { left, top, width, height } of rects) {
      this.#context.drawImage(bitmap, 0, from, width, height, left, top, width, height);
      from += height;
    }
    bitmap.close();
  }

  /** @param {import('./update.js').Deflated} deflated */
  #put(deflated) {
    const { buffer } = pixelsOf(deflated);
    let from = 0;
    for (const { left, top, width, height } of deflated.rects) {
      const bytes = 4 * width * height;
      this.#context.putImageData(new ImageData(new Uint8ClampedArray(buffer, from, bytes), width), left, top);
      from += bytes;
    }
  }

  /**
   * @param {{left: number, top: number}} place
   * @param {ImageBitmap} bitmap
   */
  #show({ left, top }, bitmap) {
    this.#context.drawImage(bitmap, left, top);
    bitmap.close();
  }
}

/** @param {HTMLCanvasElement} canvas */
function contextOf(canvas) {
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) throw new Error('this browser has no canvas');
  return context;
}

/** @param {ImageBitmap} bitmap */
function sizeOf({ width, height }) {
  return width * height * 4;
}

/**
 * The fewest rects that a row-by-row reading of the blocks gives.
 * @param {ArrayLike<number>} blocks
 * @param {number} columns of the image; Infinity where there is none
 * @param {number} gridColumns of the screen
 * @param {ArrayLike<number>} [places] of the blocks in the image; one after the other where they aren't given
 * @returns {Run[]}
 */
export function runs(blocks, columns, gridColumns, places) {
  /** @type {Run[]} */
  const found = [];
  for (let index = 0; index < blocks.length;) {
    const run = runAt(blocks, index, columns, gridColumns, places);
    index += run.columns;
    const above = found.at(-1);
    if (above && continues(above, run)) above.rows++;
    else found.push(run);
  }
  return found;
}

/**
 * The longest run in one row, of the screen and of the image, that starts at `index`.
 * @param {ArrayLike<number>} blocks
 * @param {number} index
 * @param {number} columns
 * @param {number} gridColumns
 * @param {ArrayLike<number> | undefined} places
 * @returns {Run}
 */
function runAt(blocks, index, columns, gridColumns, places) {
  const first = /** @type {number} */ (blocks[index]);
  const place = places?.[index] ?? index;
  const column = first % gridColumns;
  const imageColumn = place % columns;
  const most = Math.min(blocks.length - index, gridColumns - column, columns - imageColumn);
  let length = 1;
  while (length < most && blocks[index + length] === first + length
    && (places?.[index + length] ?? index + length) === place + length) length++;
  return {
    column, row: Math.floor(first / gridColumns), imageColumn, imageRow: Math.floor(place / columns),
    columns: length, rows: 1,
  };
}

/**
 * Whether `run` is the next row of the rect `above`, on the screen and in the image.
 * @param {Run} above
 * @param {Run} run
 */
function continues(above, run) {
  return run.column === above.column && run.columns === above.columns && run.row === above.row + above.rows
    && run.imageColumn === above.imageColumn && run.imageRow === above.imageRow + above.rows;
}
