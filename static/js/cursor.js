/** Cursor: shows the remote pointer's shape as the browser's own pointer, so that it never lags. */

import { WireError } from './malformed.js';
import { CURSORS_KEPT } from './wire.js';

/** @typedef {import('./wire.js').Cursor} CursorMessage */
/**
 * @typedef {object} Urls
 * @property {(png: Uint8Array<ArrayBuffer>) => string} create
 * @property {(url: string) => Promise<unknown>} load
 * @property {(url: string) => void} revoke
 */

/** A shape and its hot spot; without a URL nothing is to be seen.
 * @typedef {{url: string, x: number, y: number}} Shape */
/** @typedef {Shape & {resolution: number}} Worn resolution: pixels of it to a CSS pixel */

/** @type {Urls} */
const BLOB_URLS = {
  create: (png) => URL.createObjectURL(new Blob([png], { type: 'image/png' })),
  load: (url) => Object.assign(new Image(), { src: url }).decode(),
  revoke: (url) => URL.revokeObjectURL(url),
};

export class Cursor {
  /** URLs of the shapes used last, the latest at the end; '' hides the pointer. @type {Map<number, string>} */
  #shapes = new Map();
  /** @type {Shape | null} */
  #wanted = null;
  /** @type {Shape | null} */
  #shown = null;
  #resolution = 1;
  #onShape;
  #element;
  #urls;

  /**
   * @param {{style: {cursor: string}}} element
   * @param {(shape: Worn | null) => void} [onShape] called with each shape that is shown; null is the browser's own
   * @param {Urls} [urls]
   */
  constructor(element, onShape = () => {}, urls = BLOB_URLS) {
    this.#element = element;
    this.#onShape = onShape;
    this.#urls = urls;
  }

  /** @param {number} resolution pixels of a shape to a CSS pixel */
  set resolution(resolution) {
    if (resolution === this.#resolution) return;
    this.#resolution = resolution;
    if (this.#shown) this.#show(this.#shown);
  }

  /** @param {CursorMessage} message */
  receive({ id, x, y, png }) {
    const url = this.#take(id, png);
    this.#shapes.set(id, url);
    this.#forgetOldest();
    const shape = this.#wanted = { url, x, y };
    const show = () => this.#wanted === shape && this.#show(shape);
    // Until a new shape is loaded the browser would show its arrow instead; the last shape disturbs less.
    if (png && url) this.#urls.load(url).then(show, show);
    else show();
  }

  /** A new connection starts without shapes on both sides. */
  reset() {
    for (const url of this.#shapes.values()) this.#revoke(url);
    this.#shapes.clear();
    this.#element.style.cursor = 'default';
    this.#wanted = this.#shown = null;
    this.#onShape(null);
  }

  /** @param {Shape} shape */
  #show(shape) {
    const { url, x, y } = this.#shown = shape, { style } = this.#element;
    style.cursor = url ? `url("${url}") ${x} ${y}, default` : 'none';
    if (url && this.#resolution !== 1) {
      // A browser that doesn't know of such images leaves the one before.
      const [left, top] = [x, y].map((place) => Math.round(place / this.#resolution));
      style.cursor = `image-set(url("${url}") ${this.#resolution}x) ${left} ${top}, default`;
    }
    this.#onShape({ ...shape, resolution: this.#resolution });
  }

  /**
   * The shape's URL, taken out of its place in the order.
   * @param {number} id
   * @param {CursorMessage['png']} png
   */
  #take(id, png) {
    const known = this.#shapes.get(id);
    if (png === null && known === undefined) throw new WireError('a cursor that was never sent');
    this.#shapes.delete(id);
    if (png === null) return /** @type {string} */ (known);
    this.#revoke(known);
    return png.length ? this.#urls.create(png) : '';
  }

  #forgetOldest() {
    for (const [id, url] of this.#shapes) {
      if (this.#shapes.size <= CURSORS_KEPT) return;
      this.#revoke(url);
      this.#shapes.delete(id);
    }
  }

  /** @param {string | undefined} url */
  #revoke(url) {
    if (url) this.#urls.revoke(url);
  }
}
