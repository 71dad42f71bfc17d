/** Hands: mouse, pen and fingers on the picture, each by its own rules. */

import { load, save } from '../storage.js';
import { Motion } from './motion.js';
import { Pointer } from './pointer.js';
import { Touch } from './touch.js';
import { Wheel } from './wheel.js';

const ARROW = new URL('../../pointer.svg', import.meta.url).href;
const MODE_KEY = 'voxy-touch';
/** What a wheel turns for a CSS pixel of a finger's way: a finger moves paper, a wheel turns pages. */
const FINGER = 2.5;
/** How quickly a trackpad's pinch enlarges. */
const PINCH = 0.01;

/** @typedef {import('./touch.js').Place} Place */
/** @typedef {import('../cursor.js').Worn} Worn */

export class Hands {
  /** Where the trackpad's pointer is, in remote pixels. */
  #spot = { x: 0, y: 0 };
  /** @type {Worn | null} */
  #shape = null;
  #isTouched = false;
  #stage;
  #glass;
  #canvas;
  #view;
  #pointer;
  #motion;
  #wheel;
  #touch;
  #shown;
  #ring;
  #isControlHeld;

  /**
   * @param {import('../stage.js').Stage} stage
   * @param {HTMLCanvasElement} canvas
   * @param {import('../view.js').View} view
   * @param {(message: import('../wire.js').ToServer) => void} send
   * @param {() => boolean} isControlHeld by the keyboard, as far as that is known
   */
  constructor(stage, canvas, view, send, isControlHeld) {
    const page = stage.root;
    this.#stage = stage;
    const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (page.getElementById(id));
    this.#glass = /** @type {HTMLElement} */ (page.querySelector('main'));
    this.#canvas = canvas;
    this.#view = view;
    this.#isControlHeld = isControlHeld;
    this.#pointer = new Pointer(canvas, send);
    this.#motion = new Motion(send);
    this.#wheel = new Wheel((event) => this.#pointer.locate(event), send);
    this.#shown = /** @type {HTMLImageElement} */ (find('pointer-shape'));
    this.#ring = find('ring');
    this.#touch = new Touch({
      point: (place, buttons) => this.#point(place, buttons),
      turn: ({ x, y }, dx, dy) => {
        this.#wheel.turn({ deltaMode: 0, deltaX: dx * FINGER, deltaY: dy * FINGER, clientX: x, clientY: y });
      },
      zoom: (factor, { x, y }) => view.zoomAt(factor, { clientX: x, clientY: y }),
      pan: (dx, dy) => view.pan(dx, dy),
      pressLong: (place) => this.#drawRing(place),
      glide: (dx, dy) => this.#glide(dx, dy),
      whereabouts: () => this.placeOf(this.#spot),
    });
    this.touchMode = load(MODE_KEY) === 'trackpad' ? 'trackpad' : 'direct';
  }

  get isHolding() {
    return this.#pointer.isHolding || this.#motion.isHolding;
  }

  /** @returns {import('./touch.js').TouchMode} */
  get touchMode() {
    return this.#touch.mode;
  }

  /** @param {import('./touch.js').TouchMode} mode */
  set touchMode(mode) {
    this.#touch.cancel();
    this.#touch.mode = mode;
    save(MODE_KEY, mode);
    this.#spot = { x: this.#canvas.width / 2, y: this.#canvas.height / 2 };
    this.#drawPointer();
  }

  get isLocked() {
    return this.#stage.root.pointerLockElement === this.#canvas;
  }

  /** Give the pointer to the desktop until Esc is pressed; whether the browser does. */
  async lock() {
    const request = /** @type {(options?: object) => Promise<void>} */ (this.#canvas.requestPointerLock.bind(this.#canvas));
    try {
      await request({ unadjustedMovement: true });
    } catch {
      // Not every system has motion as the mouse tells it.
      await Promise.resolve(request()).catch(() => {});
    }
    return this.isLocked;
  }

  /** The canvas may have moved or changed its size. */
  invalidate() {
    this.#pointer.invalidate();
    this.#drawPointer();
  }

  /** Forget what is held: the server lets go of it too. */
  forget() {
    this.#touch.cancel();
    this.#pointer.forget();
    this.#motion.forget();
  }

  /** @param {Worn | null} shape of the desktop's pointer */
  wear(shape) {
    this.#shape = shape;
    this.#drawPointer();
  }

  listen() {
    const canvas = this.#canvas;
    for (const type of /** @type {const} */ (['pointerdown', 'pointermove', 'pointerup', 'pointercancel'])) {
      this.#glass.addEventListener(type, (event) => this.#contact(event));
    }
    canvas.addEventListener('lostpointercapture', ({ pointerType }) => {
      if (pointerType !== 'touch') this.#pointer.cancel();
    });
    canvas.addEventListener('wheel', (event) => this.#turn(event), { passive: false });
    const { signal } = this.#stage;
    document.addEventListener('pointerlockchange', () => !this.isLocked && this.#motion.end(), { signal });
    // Menus, autoscroll, paste by the middle button, and history by the side buttons are the desktop's to give.
    for (const type of ['contextmenu', 'mousedown', 'mouseup', 'auxclick', 'dragstart']) {
      canvas.addEventListener(type, (event) => event.preventDefault());
    }
  }

  /** @param {PointerEvent} event */
  #contact(event) {
    const isFinger = event.pointerType === 'touch';
    // A trackpad has no edges where the picture has them.
    if (event.target !== this.#canvas && !(isFinger && this.#touch.mode === 'trackpad')) return;
    if (event.type === 'pointerdown') this.#canvas.setPointerCapture(event.pointerId);
    if (isFinger !== this.#isTouched && event.isPrimary) {
      this.#isTouched = isFinger;
      this.#drawPointer();
    }
    if (isFinger) return this.#finger(event);
    if (this.isLocked) return this.#motion.move(event, this.#pixelsToPoint);
    if (event.type === 'pointercancel') this.#pointer.cancel();
    else this.#pointer.move(event);
  }

  /** @param {PointerEvent} event */
  #finger(event) {
    if (event.type === 'pointerdown') this.#touch.down(event);
    else if (event.type === 'pointermove') this.#touch.move(event);
    else if (event.type === 'pointerup') this.#touch.up(event);
    else this.#touch.cancel();
  }

  /** @param {WheelEvent} event */
  #turn(event) {
    event.preventDefault();
    // Browsers tell a pinch on a trackpad as a wheel with Control.
    if (event.ctrlKey && !this.#isControlHeld()) this.#view.zoomAt(Math.exp(-event.deltaY * PINCH), event);
    else this.#wheel.turn(event);
  }

  /**
   * @param {Place} place
   * @param {number} buttons
   */
  #point({ x, y }, buttons) {
    const spot = this.#touch.mode === 'trackpad'
      ? { x: Math.floor(this.#spot.x), y: Math.floor(this.#spot.y) } : this.#pointer.locate({ clientX: x, clientY: y });
    this.#view.keep(spot);
    this.#pointer.put({ ...spot, buttons });
  }

  /** Remote pixels to a CSS pixel. */
  get #pixelsToPoint() {
    return this.#canvas.width / Math.max(1, this.#canvas.getBoundingClientRect().width);
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  #glide(dx, dy) {
    const scale = this.#pixelsToPoint, { width, height } = this.#canvas;
    this.#spot.x = Math.min(width - 1, Math.max(0, this.#spot.x + dx * scale));
    this.#spot.y = Math.min(height - 1, Math.max(0, this.#spot.y + dy * scale));
    this.#view.reveal(this.#spot);
    this.#drawPointer();
    return this.placeOf(this.#spot);
  }

  /**
   * Where a pixel of the remote screen is shown.
   * @param {{x: number, y: number}} spot
   * @returns {Place}
   */
  placeOf({ x, y }) {
    const box = this.#canvas.getBoundingClientRect(), { width, height } = this.#canvas;
    return { x: box.left + ((x + 0.5) * box.width) / width, y: box.top + ((y + 0.5) * box.height) / height };
  }

  /** Draw the pointer where there is none of the system's. */
  #drawPointer() {
    const isShown = this.#isTouched && this.#touch.mode === 'trackpad' && this.#shape?.url !== '';
    this.#shown.hidden = !isShown;
    if (!isShown) return;
    const { url, x, y, resolution } = this.#shape ?? { url: ARROW, x: 1, y: 1, resolution: 1 };
    if (this.#shown.getAttribute('src') !== url) this.#shown.src = url;
    const { x: left, y: top } = this.#stage.inside(this.placeOf(this.#spot));
    this.#shown.style.transform = `translate(${left}px, ${top}px) scale(${1 / resolution}) translate(${-x}px, ${-y}px)`;
  }

  /** @param {Place} place */
  #drawRing(place) {
    const { x, y } = this.#stage.inside(place);
    Object.assign(this.#ring.style, { left: `${x}px`, top: `${y}px` });
    // A class that comes anew begins its animation anew.
    this.#ring.classList.remove('drawn');
    void this.#ring.offsetWidth;
    this.#ring.classList.add('drawn');
  }
}
