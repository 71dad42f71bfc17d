/**
 * View: shows the remote screen in the window: fitted or pixel by pixel, enlarged by hand, or one monitor of it alone.
 * What is larger than the window scrolls, by the browser's own bars; wheels are for the desktop.
 */

import { place, scaleOf, shownOf } from './layout.js';

const MOST_ZOOM = 8;
/** How near to one a zoom is none. */
const LEAST_ZOOM = 1.02;
/** The share of the window below which what is free of it isn't all: a keyboard covers the rest. */
const COVERED = 0.8;
/** The share of the window that is kept between its edges and what has to be seen. */
const MARGIN = 0.2;

/** @typedef {import('./layout.js').Mode} Mode */
/** @typedef {import('./layout.js').Rect} Rect */
/** @typedef {import('./layout.js').Size} Size */
/** @typedef {import('./layout.js').Box} Box */
/** @typedef {{clientX: number, clientY: number}} Point of the window, in CSS pixels */

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
  #zoom = 1;
  /** @type {Rect | null} */
  #crop = null;
  /** The pixel of the remote screen at which somebody works. @type {{x: number, y: number} | null} */
  #kept = null;
  #scroller;
  #clip;
  #canvas;
  #measure;
  #onPlace;

  /**
   * @param {{scroller: Scroller, clip: Clip, canvas: Canvas}} elements one in the other
   * @param {() => void} onPlace called when the canvas may have another place
   * @param {() => Window} measure
   */
  constructor({ scroller, clip, canvas }, onPlace, measure) {
    this.#scroller = scroller;
    this.#clip = clip;
    this.#canvas = canvas;
    this.#onPlace = onPlace;
    this.#measure = measure;
  }

  get isZoomed() {
    return this.#zoom > 1;
  }

  /**
   * @param {Mode} mode
   * @param {Rect | null} crop the part of the screen to show; null for all of it
   */
  show(mode, crop) {
    if (mode !== this.#mode) this.#zoom = 1;
    this.#mode = mode;
    this.#crop = crop;
    this.update();
  }

  /** @param {{x: number, y: number}} pixel of the remote screen that a keyboard must not cover */
  keep(pixel) {
    this.#kept = pixel;
  }

  /** The window, or the remote screen, may have another size. */
  update() {
    const { full, free, ratio } = this.#measure();
    const shown = shownOf(this.#crop, this.#canvas);
    const fitting = scaleOf(shown, full, ratio, this.#mode);
    const scale = fitting * this.#zoom;
    put(this.#scroller.style, free);
    const win = { width: this.#scroller.clientWidth, height: this.#scroller.clientHeight };
    const first = place(shown, this.#canvas, win, scale, ratio);
    put(this.#clip.style, first.clip);
    const isLarger = first.clip.width > win.width + 1 || first.clip.height > win.height + 1;
    this.#scroller.style.overflow = isLarger && (this.#mode === 'actual' || this.isZoomed) ? 'auto' : 'hidden';
    // What is larger has brought scroll bars, which take their room.
    const barred = { width: this.#scroller.clientWidth, height: this.#scroller.clientHeight };
    const { clip, canvas, isSharp } = place(shown, this.#canvas, barred, scale, ratio);
    put(this.#clip.style, clip);
    put(this.#canvas.style, canvas);
    this.#canvas.style.imageRendering = isSharp ? 'pixelated' : 'auto';
    this.#onPlace();
    if (this.#kept && free.height < full.height * COVERED) this.reveal(this.#kept);
  }

  /**
   * Enlarge by a factor, and leave what is at a point where it is.
   * @param {number} factor
   * @param {Point} at
   */
  zoomAt(factor, { clientX, clientY }) {
    const before = this.#clip.getBoundingClientRect();
    const zoom = Math.min(MOST_ZOOM, this.#zoom * factor);
    this.#zoom = zoom < LEAST_ZOOM ? 1 : zoom;
    this.update();
    const after = this.#clip.getBoundingClientRect();
    this.#scroller.scrollLeft += after.left + (clientX - before.left) * (after.width / before.width) - clientX;
    this.#scroller.scrollTop += after.top + (clientY - before.top) * (after.height / before.height) - clientY;
    this.#onPlace();
  }

  /**
   * Move what is shown, as a hand moves paper.
   * @param {number} dx
   * @param {number} dy
   * @returns {{dx: number, dy: number}} the way that there was no paper for
   */
  pan(dx, dy) {
    const { scrollLeft, scrollTop } = this.#scroller;
    this.#scroller.scrollLeft -= dx;
    this.#scroller.scrollTop -= dy;
    this.#onPlace();
    return {
      dx: dx + this.#scroller.scrollLeft - scrollLeft, dy: dy + this.#scroller.scrollTop - scrollTop,
    };
  }

  /**
   * Have a pixel of the remote screen seen, and not at the window's edge.
   * @param {{x: number, y: number}} pixel
   */
  reveal({ x, y }) {
    const { free, corner = { x: 0, y: 0 } } = this.#measure();
    const box = this.#clip.getBoundingClientRect(), shown = shownOf(this.#crop, this.#canvas);
    const left = box.left - corner.x - free.left + ((x - shown.x) * box.width) / shown.width;
    const top = box.top - corner.y - free.top + ((y - shown.y) * box.height) / shown.height;
    const dx = beyond(left, free.width * MARGIN, free.width), dy = beyond(top, free.height * MARGIN, free.height);
    if (dx || dy) this.pan(-dx, -dy);
  }
}

/**
 * How far a place is out of the middle of a length.
 * @param {number} place
 * @param {number} margin
 * @param {number} length
 */
function beyond(place, margin, length) {
  return Math.min(0, place - margin) + Math.max(0, place - (length - margin));
}

/**
 * @param {CSSStyleDeclaration} style
 * @param {Box} box
 */
function put(style, { left, top, width, height }) {
  Object.assign(style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
}
