/** FullScreen: the whole screen, and all keys with it where the browser gives them. */

/** @typedef {{lock?: () => Promise<void>, unlock?: () => void}} KeyboardLock */

export class FullScreen {
  #host;
  #onChange;

  /**
   * @param {HTMLElement} host what is shown on the whole screen
   * @param {AbortSignal} signal
   * @param {(isOn: boolean, hasAllKeys: boolean) => void} onChange
   */
  constructor(host, signal, onChange) {
    this.#host = host;
    this.#onChange = onChange;
    document.addEventListener('fullscreenchange', () => this.#changed(), { signal });
  }

  /** Whether this browser has it: phones may not. */
  get isThere() {
    return document.fullscreenEnabled;
  }

  get isOn() {
    return document.fullscreenElement === this.#host;
  }

  async toggle() {
    if (this.isOn) return document.exitFullscreen();
    // Browsers say themselves why they don't.
    await this.#host.requestFullscreen({ navigationUI: 'hide' }).catch(() => {});
  }

  async #changed() {
    const lock = /** @type {{keyboard?: KeyboardLock}} */ (/** @type {unknown} */ (navigator)).keyboard;
    if (!this.isOn) lock?.unlock?.();
    const hasAllKeys = this.isOn && lock?.lock !== undefined && await lock.lock().then(() => true, () => false);
    this.#onChange(this.isOn, hasAllKeys);
  }
}
