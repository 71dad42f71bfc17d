/** Presentation: how the remote screen is shown: in which size, one monitor of it or all, and where in the window. */

import { Monitors, nameInAddress } from './monitors.js';
import { Sizing } from './sizing.js';
import { View } from './view.js';

/** @typedef {import('./wire.js').Sizing | import('./wire.js').Monitors} Told */
/** @typedef {{onPlace: () => void, onChange: () => void}} Listener of the canvas' place, and of what can be chosen */

export class Presentation {
  #listener;

  /**
   * @param {Document} page
   * @param {HTMLCanvasElement} canvas
   * @param {(message: import('./wire.js').Window) => void} send
   * @param {Listener} listener
   */
  constructor(page, canvas, send, listener) {
    const scroller = /** @type {HTMLElement} */ (page.querySelector('main'));
    const clip = /** @type {HTMLElement} */ (page.getElementById('clip'));
    this.#listener = listener;
    this.view = new View({ scroller, clip, canvas }, listener.onPlace);
    this.sizing = new Sizing({ onWindow: send, onChange: () => this.#show() });
    this.monitors = new Monitors(() => this.#show());
  }

  /** @param {Window} target */
  listen(target) {
    target.addEventListener('resize', () => this.#fit());
    target.addEventListener('hashchange', () => this.monitors.choose(nameInAddress()));
    target.visualViewport?.addEventListener('resize', () => this.view.update());
    target.visualViewport?.addEventListener('scroll', () => this.view.update());
    this.#watchRatio();
  }

  /** @param {Told} message */
  take(message) {
    if (message.type === 'size') this.sizing.told(message);
    else this.monitors.told(message);
    this.#listener.onChange();
  }

  /** A window that goes to a screen of another density may keep its size. */
  #watchRatio() {
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', () => {
      this.#fit();
      this.#watchRatio();
    }, { once: true });
  }

  /** The window is another. */
  #fit() {
    this.sizing.update();
    this.view.update();
  }

  #show() {
    this.view.show(this.sizing.mode, this.monitors.rect);
    this.#listener.onChange();
  }
}
