/**
 * View: shows the remote screen in the window: fitted or pixel by pixel, or one monitor of it alone; `zoom.js` enlarges it.
 * What is larger than the window scrolls, by the browser's own bars; wheels are for the desktop.
 */

import { place, scaleOf, shownOf } from './layout.js';

/** @typedef {import('./layout.js').Mode} Mode */
/** @typedef {import('./layout.js').Rect} Rect */
/** @typedef {import('./layout.js').Size} Size */
/** @typedef {import('./layout.js').Box} Box */

/**
 * @typedef {object} Window what the view needs to know of it
 * @property {Size} full in CSS pixels
 * @property {Box} free what no keyboard on the screen covers
 * @property {number} ratio device pixels to a CSS pixel
 * @property {{x: number, y: number}} [corner] where the whole of it begins in the browser's window
 */

/** @typedef {Pick<HTMLElement, 'style' | 'clientWidth' | 'clientHeight' | 'scrollLeft' | 'scrollTop'>} Scroller */
/** @typedef {Pick<HTMLElement, 'style' | 'getBoundingClientRect'>} Clip */
/** @typedef {Pick<HTMLCanvasElement, 'style' | 'width' | 'height'>} Canvas */

export class View {
  /** @type {Mode} */
  #mode = 'fit';
  /** How much it is enlarged by hand, before the next update. */
  zoom = 1;
  /** Called after each update. @type {() => void} */
  onUpdate = () => {};
  /** @type {Rect | null} */
  #crop = null;
  #canvas;
  #onPlace;

  /**
   * @param {{scroller: Scroller, clip: Clip, canvas: Canvas}} elements one in the other
   * @param {() => void} onPlace called when the canvas may have another place
   * @param {() => Window} measure
   */
  constructor({ scroller, clip, canvas }, onPlace, measure) {
    this.scroller = scroller;
    this.clip = clip;
    this.#canvas = canvas;
    this.#onPlace = onPlace;
    this.measure = measure;
  }

  /** The part of the screen that is shown, in its own pixels. */
  get shown() {
    return shownOf(this.#crop, this.#canvas);
  }

  /** The canvas may have another place. */
  placed() {
    this.#onPlace();
  }

  /**
   * @param {Mode} mode
   * @param {Rect | null} crop the part of the screen to show; null for all of it
   */
  show(mode, crop) {
    if (mode !== this.#mode) this.zoom = 1;
    this.#mode = mode;
    this.#crop = crop;
    this.update();
  }

  /** The window, or the remote screen, may have another size. */
  update() {
    const { full, free, ratio } = this.measure();
    const { shown } = this;
    const fitting = scaleOf(shown, full, ratio, this.#mode);
    const scale = fitting * this.zoom;
    put(this.scroller.style, free);
    const win = { width: this.scroller.clientWidth, height: this.scroller.clientHeight };
    const first = place(shown, this.#canvas, win, scale, ratio);
    put(this.clip.style, first.clip);
    const isLarger = first.clip.width > win.width + 1 || first.clip.height > win.height + 1;
    this.scroller.style.overflow = isLarger && (this.#mode === 'actual' || this.zoom > 1) ? 'auto' : 'hidden';
    // What is larger has brought scroll bars, which take their room.
    const barred = { width: this.scroller.clientWidth, height: this.scroller.clientHeight };
    const { clip, canvas, isSharp } = place(shown, this.#canvas, barred, scale, ratio);
    put(this.clip.style, clip);
    put(this.#canvas.style, canvas);
    this.#canvas.style.imageRendering = isSharp ? 'pixelated' : 'auto';
    this.#onPlace();
    this.onUpdate();
  }
}

/**
 * @param {CSSStyleDeclaration} style
 * @param {Box} box
 */
function put(style, { left, top, width, height }) {
  Object.assign(style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
}
