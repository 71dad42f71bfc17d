/** Fingers: what they do on the picture, and the pointer that they have where they have one. Fetched with the first. */

import { adoptStyle } from '../markup.js';
import { Zoom } from '../zoom.js';
import { Touch } from './touch.js';

const ARROW = new URL('../../pointer.svg', import.meta.url).href;
/** What a wheel turns for a CSS pixel of a finger's way: a finger moves paper, a wheel turns pages. */
const FINGER = 2.5;

/** @typedef {import('./touch.js').Place} Place */
/** @typedef {import('../cursor.js').Worn} Worn */
/**
 * @typedef {object} Reach what fingers get at
 * @property {import('../stage.js').Stage} stage
 * @property {HTMLCanvasElement} canvas
 * @property {import('../view.js').View} view
 * @property {import('./pointer.js').Pointer} pointer
 * @property {import('../offstage.js').Offstage<import('./wheel.js').Wheel>} wheel
 * @property {(spot: {x: number, y: number}) => Place} placeOf where a pixel of the remote screen is shown
 * @property {() => number} pixelsToPoint remote pixels to a CSS pixel
 */

/**
 * @param {Reach} reach
 * @param {() => [import('./touch.js').TouchMode, Worn | null]} now their mode, and the shape of the desktop's pointer
 */
export async function openFingers(reach, now) {
  await adoptStyle(reach.stage.root, 'fingers.css');
  return new Fingers(reach, ...now());
}

export class Fingers {
  /** Where the trackpad's pointer is, in remote pixels. */
  #spot = { x: 0, y: 0 };
  /** @type {Worn | null} */
  #shape;
  #isTouched = false;
  #reach;
  #zoom;
  #touch;
  #shown = new Image();
  #ring = document.createElement('span');

  /**
   * @param {Reach} reach
   * @param {import('./touch.js').TouchMode} mode
   * @param {Worn | null} shape of the desktop's pointer
   */
  constructor(reach, mode, shape) {
    const { stage, wheel } = this.#reach = reach, zoom = this.#zoom = new Zoom(reach.view);
    this.#shape = shape;
    Object.assign(this.#shown, { id: 'pointer-shape', alt: '', crossOrigin: 'anonymous' });
    this.#ring.id = 'ring';
    this.#ring.ariaHidden = 'true';
    stage.root.querySelector('main')?.after(this.#shown, this.#ring);
    this.#touch = new Touch({
      point: (place, buttons) => this.#point(place, buttons),
      turn: ({ x, y }, dx, dy) => {
        const turned = { deltaMode: 0, deltaX: dx * FINGER, deltaY: dy * FINGER, clientX: x, clientY: y };
        wheel.call((wheel) => wheel.turn(turned));
      },
      zoom: (factor, { x, y }) => zoom.zoomAt(factor, { clientX: x, clientY: y }),
      pan: (dx, dy) => zoom.pan(dx, dy),
      pressLong: (place) => this.#drawRing(place),
      glide: (dx, dy) => this.#glide(dx, dy),
      whereabouts: () => reach.placeOf(this.#spot),
    });
    this.choose(mode);
  }

  /** @param {import('./touch.js').TouchMode} mode */
  choose(mode) {
    const { width, height } = this.#reach.canvas;
    this.#touch.cancel();
    this.#touch.mode = mode;
    this.#spot = { x: width / 2, y: height / 2 };
    this.draw();
  }

  /** Whatever was begun ends. */
  cancel() {
    this.#touch.cancel();
  }

  /** @param {Worn | null} shape of the desktop's pointer */
  wear(shape) {
    this.#shape = shape;
    this.draw();
  }

  /**
   * A trackpad's fingers spread.
   * @param {number} factor
   * @param {import('../zoom.js').Point} at
   */
  pinch(factor, at) {
    this.#zoom.zoomAt(factor, at);
  }

  /** Another device points now. */
  yield() {
    this.#isTouched = false;
    this.draw();
  }

  /** @param {PointerEvent} event */
  contact(event) {
    if (!this.#isTouched) {
      this.#isTouched = true;
      this.draw();
    }
    if (event.type === 'pointerdown') this.#touch.down(event);
    else if (event.type === 'pointermove') this.#touch.move(event);
    else if (event.type === 'pointerup') this.#touch.up(event);
    else this.#touch.cancel();
  }

  /**
   * @param {Place} place
   * @param {number} buttons
   */
  #point({ x, y }, buttons) {
    const spot = this.#touch.mode === 'trackpad'
      ? { x: Math.floor(this.#spot.x), y: Math.floor(this.#spot.y) } : this.#reach.pointer.locate({ clientX: x, clientY: y });
    this.#zoom.keep(spot);
    this.#reach.pointer.put({ ...spot, buttons });
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  #glide(dx, dy) {
    const scale = this.#reach.pixelsToPoint(), { width, height } = this.#reach.canvas;
    this.#spot.x = Math.min(width - 1, Math.max(0, this.#spot.x + dx * scale));
    this.#spot.y = Math.min(height - 1, Math.max(0, this.#spot.y + dy * scale));
    this.#zoom.reveal(this.#spot);
    this.draw();
    return this.#reach.placeOf(this.#spot);
  }

  /** Draw the pointer where there is none of the system's. */
  draw() {
    const isShown = this.#isTouched && this.#touch.mode === 'trackpad' && this.#shape?.url !== '';
    this.#shown.hidden = !isShown;
    if (!isShown) return;
    const { url, x, y, resolution } = this.#shape ?? { url: ARROW, x: 1, y: 1, resolution: 1 };
    if (this.#shown.getAttribute('src') !== url) this.#shown.src = url;
    const { x: left, y: top } = this.#reach.stage.inside(this.#reach.placeOf(this.#spot));
    this.#shown.style.transform = `translate(${left}px, ${top}px) scale(${1 / resolution}) translate(${-x}px, ${-y}px)`;
  }

  /** @param {Place} place */
  #drawRing(place) {
    const { x, y } = this.#reach.stage.inside(place);
    Object.assign(this.#ring.style, { left: `${x}px`, top: `${y}px` });
    // A class that comes anew begins its animation anew.
    this.#ring.classList.remove('drawn');
    void this.#ring.offsetWidth;
    this.#ring.classList.add('drawn');
  }
}
