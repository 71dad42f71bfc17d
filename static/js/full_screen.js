/** FullScreen: the whole screen, and all keys with it where the browser gives them. */

/** @typedef {{lock?: () => Promise<void>, unlock?: () => void}} KeyboardLock */

export class FullScreen {
  #page;
  #onChange;

  /**
   * @param {Document} page
   * @param {(isOn: boolean, hasAllKeys: boolean) => void} onChange
   */
  constructor(page, onChange) {
    this.#page = page;
    this.#onChange = onChange;
    page.addEventListener('fullscreenchange', () => this.#changed());
  }

  /** Whether this browser has it: phones may not. */
  get isThere() {
    return this.#page.fullscreenEnabled;
  }

  get isOn() {
    return this.#page.fullscreenElement !== null;
  }

  async toggle() {
    if (this.isOn) return this.#page.exitFullscreen();
    // Browsers say themselves why they don't.
    await this.#page.documentElement.requestFullscreen({ navigationUI: 'hide' }).catch(() => {});
  }

  async #changed() {
    const lock = /** @type {{keyboard?: KeyboardLock}} */ (/** @type {unknown} */ (navigator)).keyboard;
    if (!this.isOn) lock?.unlock?.();
    const hasAllKeys = this.isOn && lock?.lock !== undefined && await lock.lock().then(() => true, () => false);
    this.#onChange(this.isOn, hasAllKeys);
  }
}
