/** Cursor: shows the remote pointer's shape as the browser's own pointer, so that it never lags. */

import { CURSORS_KEPT, WireError } from './wire.js';

/** @typedef {import('./wire.js').Cursor} CursorMessage */
/** @typedef {{create: (png: Uint8Array<ArrayBuffer>) => string, revoke: (url: string) => void}} Urls */

/** @type {Urls} */
const BLOB_URLS = {
  create: (png) => URL.createObjectURL(new Blob([png], { type: 'image/png' })),
  revoke: (url) => URL.revokeObjectURL(url),
};

export class Cursor {
  /** URLs of the shapes used last, the latest at the end; '' hides the pointer. @type {Map<number, string>} */
  #shapes = new Map();
  #element;
  #urls;

  /**
   * @param {{style: {cursor: string}}} element
   * @param {Urls} [urls]
   */
  constructor(element, urls = BLOB_URLS) {
    this.#element = element;
    this.#urls = urls;
  }

  /** @param {CursorMessage} message */
  receive({ id, x, y, png }) {
    const url = this.#take(id, png);
    this.#shapes.set(id, url);
    this.#forgetOldest();
    this.#element.style.cursor = url ? `url("${url}") ${x} ${y}, default` : 'none';
  }

  /** A new connection starts without shapes on both sides. */
  reset() {
    for (const url of this.#shapes.values()) this.#revoke(url);
    this.#shapes.clear();
    this.#element.style.cursor = 'default';
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
