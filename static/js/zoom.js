/** Zoom: enlarges the view by hand, moves what is enlarged, and keeps in sight what is worked at. */

const MOST_ZOOM = 8;
/** How near to one a zoom is none. */
const LEAST_ZOOM = 1.02;
/** The share of the window below which what is free of it isn't all: a keyboard covers the rest. */
const COVERED = 0.8;
/** The share of the window that is kept between its edges and what has to be seen. */
const MARGIN = 0.2;

/** @typedef {{clientX: number, clientY: number}} Point of the window, in CSS pixels */

export class Zoom {
  #view;
  /** The pixel of the remote screen at which somebody works. @type {{x: number, y: number} | null} */
  #kept = null;

  /** @param {import('./view.js').View} view */
  constructor(view) {
    this.#view = view;
    view.onUpdate = () => this.#updated();
  }

  /** @param {{x: number, y: number}} pixel of the remote screen that a keyboard must not cover */
  keep(pixel) {
    this.#kept = pixel;
  }

  /**
   * Enlarge by a factor, and leave what is at a point where it is.
   * @param {number} factor
   * @param {Point} at
   */
  zoomAt(factor, { clientX, clientY }) {
    const view = this.#view;
    const before = view.clip.getBoundingClientRect();
    const zoom = Math.min(MOST_ZOOM, view.zoom * factor);
    view.zoom = zoom < LEAST_ZOOM ? 1 : zoom;
    view.update();
    const after = view.clip.getBoundingClientRect();
    view.scroller.scrollLeft += after.left + (clientX - before.left) * (after.width / before.width) - clientX;
    view.scroller.scrollTop += after.top + (clientY - before.top) * (after.height / before.height) - clientY;
    view.placed();
  }

  /**
   * Move what is shown, as a hand moves paper.
   * @param {number} dx
   * @param {number} dy
   * @returns {{dx: number, dy: number}} the way that there was no paper for
   */
  pan(dx, dy) {
    const view = this.#view, { scrollLeft, scrollTop } = view.scroller;
    view.scroller.scrollLeft -= dx;
    view.scroller.scrollTop -= dy;
    view.placed();
    return {
      dx: dx + view.scroller.scrollLeft - scrollLeft, dy: dy + view.scroller.scrollTop - scrollTop,
    };
  }

  /**
   * Have a pixel of the remote screen seen, and not at the window's edge.
   * @param {{x: number, y: number}} pixel
   */
  reveal({ x, y }) {
    const view = this.#view;
    const { free, corner = { x: 0, y: 0 } } = view.measure();
    const box = view.clip.getBoundingClientRect(), shown = view.shown;
    const left = box.left - corner.x - free.left + ((x - shown.x) * box.width) / shown.width;
    const top = box.top - corner.y - free.top + ((y - shown.y) * box.height) / shown.height;
    const dx = beyond(left, free.width * MARGIN, free.width), dy = beyond(top, free.height * MARGIN, free.height);
    if (dx || dy) this.pan(-dx, -dy);
  }

  #updated() {
    const { full, free } = this.#view.measure();
    if (this.#kept && free.height < full.height * COVERED) this.reveal(this.#kept);
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
