/** Presentation: how the remote screen is shown: in which size, one monitor of it or all, and where in the window. */

import { Monitors } from './monitors.js';
import { Sizing, browser } from './sizing.js';
import { View } from './view.js';

/** @typedef {import('./wire.js').Sizing | import('./wire.js').Monitors} Told */
/** @typedef {{onPlace: () => void, onChange: () => void}} Listener of the canvas' place, and of what can be chosen */

export class Presentation {
  monitors = new Monitors();
  #listener;
  #stage;

  /**
   * @param {import('./stage.js').Stage} stage
   * @param {HTMLCanvasElement} canvas
   * @param {(message: import('./wire.js').Window) => void} send
   * @param {Listener} listener
   */
  constructor(stage, canvas, send, listener) {
    const { root } = stage, measure = () => stage.measure();
    const scroller = /** @type {HTMLElement} */ (root.querySelector('main'));
    const clip = /** @type {HTMLElement} */ (root.getElementById('clip'));
    this.#stage = stage;
    this.#listener = listener;
    this.view = new View({ scroller, clip, canvas }, listener.onPlace, measure);
    this.sizing = new Sizing({ onWindow: send, onChange: () => this.#show() }, browser(measure), stage.options.scale);
  }

  listen() {
    const { signal } = this.#stage;
    this.#stage.onResize(() => this.#fit());
    for (const type of ['resize', 'scroll']) {
      window.visualViewport?.addEventListener(type, () => this.view.update(), { signal });
    }
    this.#watchRatio();
  }

  /** @param {Told} message */
  take(message) {
    if (message.type === 'size') return this.sizing.told(message);
    this.monitors.list = message.monitors;
    this.#show();
  }

  /** @param {string | null} name of the monitor to show alone; null shows all */
  showMonitor(name) {
    this.monitors.name = name;
    this.#show();
  }

  /** A window that goes to a screen of another density may keep its size. */
  #watchRatio() {
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener('change', () => {
      this.#fit();
      this.#watchRatio();
    }, { once: true, signal: this.#stage.signal });
  }

  /** The window is another. */
  #fit() {
    this.sizing.update();
    this.view.update();
  }

  #show() {
    this.view.show(this.sizing.mode, this.monitors.chosen);
    this.#listener.onChange();
  }
}
