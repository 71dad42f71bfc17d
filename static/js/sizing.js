/** Sizing: how the desktop is shown in the window, and what the server is told of the window that it may follow. */

import { TIMERS } from './clock.js';
import { SCALES, oneOf } from './options.js';
import { load, save } from './storage.js';

/** Between two messages: the desktop moves along while the window is dragged, and isn't laid out too often. */
const INTERVAL_MS = 250;

const KEY = 'voxy-size';

/** @typedef {import('./wire.js').Mode} Mode */
/** @typedef {{width: number, height: number, scale: number}} Window in device pixels; scale: of them to a CSS pixel */

/**
 * @typedef {object} Listener
 * @property {(message: import('./wire.js').Window) => void} onWindow send it
 * @property {() => void} onChange the mode, or whether the desktop can follow, is another
 */

/**
 * @typedef {object} Outside what Sizing needs of the world, so that tests can be the world
 * @property {() => Window} measure the window
 * @property {() => boolean} isHidden
 * @property {(key: string) => string | null} load
 * @property {(key: string, value: string) => void} save
 * @property {() => number} now in ms
 * @property {(callback: () => void, delayMs: number) => any} setTimer
 * @property {(timer: any) => void} clearTimer
 */

export class Sizing {
  #listener;
  #outside;
  #asked;
  #name = '';
  /** What the user chose for this desktop. @type {Mode | null} */
  #chosen = null;
  /** What the server said; null without a connection. @type {import('./wire.js').Sizing | null} */
  #told = null;
  /** The window that the server follows, or would if it could. @type {Window | null} */
  #followed = null;
  #leads = false;
  #sentAt = -Infinity;
  /** @type {any} */
  #timer = null;

  /**
   * @param {Listener} listener
   * @param {Outside} outside
   * @param {Mode | null} [asked] by whoever embeds the desktop; who looks at it may choose another
   */
  constructor(listener, outside, asked = null) {
    this.#listener = listener;
    this.#outside = outside;
    this.#asked = asked;
  }

  /** How the desktop is shown. @type {Mode} */
  get mode() {
    const mode = this.#chosen ?? this.#asked ?? this.#told?.mode ?? 'fit';
    return mode === 'follow' && !this.canFollow ? 'fit' : mode;
  }

  get canFollow() {
    return this.#told?.can_follow ?? false;
  }

  /** Why the desktop can't follow, for people; empty where it can. */
  get reason() {
    return this.#told?.reason ?? '';
  }

  /**
   * The user wants the desktop to be shown like this; with `follow`, this window leads.
   * @param {Mode} mode
   */
  choose(mode) {
    this.#chosen = mode;
    this.#outside.save(`${KEY} ${this.#name}`, mode);
    this.#leads = mode === 'follow';
    this.#followed = this.#leads ? null : this.#followed;
    this.#sentAt = -Infinity;
    this.update();
    this.#listener.onChange();
  }

  /** @param {string} name of the desktop that a connection leads to; it knows nothing of this window yet */
  enter(name) {
    this.forget();
    this.#name = name;
    this.#chosen = oneOf(SCALES, this.#outside.load(`${KEY} ${name}`));
  }

  /** @param {import('./wire.js').Sizing} message */
  told(message) {
    this.#told = message;
    this.update();
    this.#listener.onChange();
  }

  /** The connection is gone, and with it what the server knew. */
  forget() {
    this.#told = this.#followed = null;
    this.#sentAt = -Infinity;
    this.#stop();
  }

  /** The page is shown again: while it was hidden the desktop followed others. */
  show() {
    this.#followed = null;
    this.update();
  }

  /** The window may be another: tell the server, not too often, but always of the last. */
  update() {
    this.#stop();
    if (!this.#told || this.#outside.isHidden()) return;
    if (this.mode !== 'follow') return this.#takeBack();
    const win = this.#outside.measure();
    if (isSame(win, this.#followed)) return;
    const waitMs = this.#sentAt + INTERVAL_MS - this.#outside.now();
    if (waitMs > 0) this.#timer = this.#outside.setTimer(() => this.update(), waitMs);
    else this.#send(win);
  }

  /** @param {Window} win */
  #send(win) {
    this.#followed = win;
    this.#sentAt = this.#outside.now();
    this.#listener.onWindow({ type: 'window', ...win, follow: true, lead: this.#leads });
    this.#leads = false;
  }

  #takeBack() {
    if (!this.#followed) return;
    this.#listener.onWindow({ type: 'window', ...this.#followed, follow: false, lead: false });
    this.#followed = null;
  }

  #stop() {
    this.#outside.clearTimer(this.#timer);
    this.#timer = null;
  }
}

/**
 * @param {Window} win
 * @param {Window | null} other
 */
function isSame(win, other) {
  return win.width === other?.width && win.height === other.height && win.scale === other.scale;
}

/**
 * @param {() => import('./view.js').Window} measure
 * @returns {Outside}
 */
export function browser(measure) {
  return {
    measure: () => {
      const { full, ratio } = measure();
      const pixels = (/** @type {number} */ length) => Math.max(1, Math.round(length * ratio));
      return { width: pixels(full.width), height: pixels(full.height), scale: ratio };
    },
    isHidden: () => document.hidden,
    load,
    save,
    ...TIMERS,
  };
}
