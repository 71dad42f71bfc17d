/** The clipboard of the machine that the browser runs on, by whatever way this browser has to it. */

import { NOTHING } from './clips.js';

/** @typedef {import('./clips.js').Clip} Clip */
/** @typedef {import('./stage.js').Root} Root */

export class LocalClipboard {
  #field;
  #isInUse;

  /**
   * @param {HTMLTextAreaElement} field that nobody sees: browsers copy from and paste into fields only
   * @param {() => boolean} isInUse whether something is being composed in it
   */
  constructor(field, isInUse) {
    this.#field = field;
    this.#isInUse = isInUse;
  }

  /** Have the browser's next paste go to this page: it is told by a `paste` event. */
  expectPaste() {
    this.#field.focus({ preventScroll: true });
  }

  /**
   * Write, if the browser lets the page do so now.
   * @param {Clip} clip
   * @returns {Promise<boolean>} whether it did
   */
  async write(clip) {
    if (!document.hasFocus() || this.#isInUse()) return false;
    if (hasClipboard()) {
      try {
        await navigator.clipboard.write([itemOf(clip)]);
        return true;
      } catch {
        // Not without a gesture; the older way may have a longer memory of the last one.
      }
    }
    return this.#copy(clip);
  }

  /**
   * What is there, if this page may read it without asking anybody.
   * @returns {Promise<Clip>}
   */
  async read() {
    const name = /** @type {PermissionName} */ ('clipboard-read');
    try {
      if (!hasClipboard() || (await navigator.permissions.query({ name })).state !== 'granted') return NOTHING;
      const items = await navigator.clipboard.read();
      const part = async (/** @type {string} */ type) =>
        (await items.find(({ types }) => types.includes(type))?.getType(type)) ?? null;
      const text = await (await part('text/plain'))?.text() ?? null;
      return { text, html: await (await part('text/html'))?.text() ?? null, png: text ? null : await part('image/png') };
    } catch {
      // Not every browser knows this permission, and none reads for a page without the focus.
      return NOTHING;
    }
  }

  /**
   * The way that pages have on plain HTTP too.
   * @param {Clip} clip
   */
  #copy({ text, html }) {
    if (text === null && html === null) return false;
    const focused = /** @type {HTMLElement | null} */ (/** @type {Root} */ (this.#field.getRootNode()).activeElement);
    let isWritten = false;
    const put = (/** @type {ClipboardEvent} */ event) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (text !== null) event.clipboardData?.setData('text/plain', text);
      if (html !== null) event.clipboardData?.setData('text/html', html);
      isWritten = event.clipboardData !== null;
    };
    document.addEventListener('copy', put, { capture: true });
    // Without something selected there is nothing to copy.
    const before = this.#field.value;
    this.#field.value = ' ';
    this.#field.focus({ preventScroll: true });
    this.#field.select();
    const isDone = document.execCommand('copy');
    document.removeEventListener('copy', put, { capture: true });
    this.#field.value = before;
    focused?.focus({ preventScroll: true });
    return isDone && isWritten;
  }
}

function hasClipboard() {
  return isSecureContext && typeof ClipboardItem === 'function' && Boolean(navigator.clipboard?.write);
}

/** @param {Clip} clip */
function itemOf({ text, html, png }) {
  /** @type {Record<string, Blob>} */
  const parts = {};
  if (text !== null) parts['text/plain'] = new Blob([text], { type: 'text/plain' });
  if (html !== null) parts['text/html'] = new Blob([html], { type: 'text/html' });
  if (png) parts['image/png'] = png;
  return new ClipboardItem(parts);
}
