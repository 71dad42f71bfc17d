/** Notice: a sentence that is shown for a while, beside the work and not in its way. */

const SHOWN_MS = 6_000;

export class Notice {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #place;

  /** @param {import('./stage.js').Root} page */
  constructor(page) {
    this.#place = /** @type {HTMLElement} */ (page.getElementById('notice'));
  }

  /** @param {string} text */
  say(text) {
    clearTimeout(this.#timer);
    this.#place.textContent = text;
    this.#timer = setTimeout(() => (this.#place.textContent = ''), SHOWN_MS);
  }
}
