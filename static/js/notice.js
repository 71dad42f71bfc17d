/** Notice: a sentence that is shown for a while, beside the work and not in its way. */

const SHOWN_MS = 6_000;

export class Notice {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #place;
  /** What is shown while nothing else is. */
  #kept = '';

  /** @param {import('./stage.js').Root} page */
  constructor(page) {
    this.#place = /** @type {HTMLElement} */ (page.getElementById('notice'));
  }

  /** @param {string} text */
  say(text) {
    clearTimeout(this.#timer);
    this.#place.textContent = text;
    this.#timer = setTimeout(() => this.#rest(), SHOWN_MS);
  }

  /**
   * Show a sentence for as long as it is true.
   * @param {string} text or nothing, when it is no more
   */
  keep(text) {
    if (text === this.#kept) return;
    this.#kept = text;
    clearTimeout(this.#timer);
    this.#rest();
  }

  #rest() {
    this.#place.textContent = this.#kept;
  }
}
