/** Hands: mouse, pen and fingers on the picture, each by its own rules. */

import { Offstage } from '../offstage.js';
import { load, save } from '../storage.js';
import { Pointer } from './pointer.js';

const MODE_KEY = 'voxy-touch';
/** How quickly a trackpad's pinch enlarges. */
const PINCH = 0.01;

/** @typedef {import('../cursor.js').Worn} Worn */

export class Hands {
  #stage;
  #glass;
  #canvas;
  #pointer;
  /** @type {Offstage<import('./wheel.js').Wheel>} */
  #wheel;
  /** @type {Offstage<import('./fingers.js').Fingers>} */
  #fingers;
  /** Tells of motion while the pointer is locked; set by who locks it. @type {import('./motion.js').Motion | null} */
  motion = null;
  /** @type {import('./touch.js').TouchMode} */
  #touchMode = load(MODE_KEY) === 'trackpad' ? 'trackpad' : 'direct';
  /** @type {Worn | null} */
  #shape = null;
  #isControlHeld;

  /**
   * @param {import('../stage.js').Stage} stage
   * @param {HTMLCanvasElement} canvas
   * @param {import('../view.js').View} view
   * @param {(message: import('../wire.js').ToServer) => void} send
   * @param {() => boolean} isControlHeld by the keyboard, as far as that is known
   * @param {(error: unknown) => void} onLost what is needed now couldn't be fetched
   */
  constructor(stage, canvas, view, send, isControlHeld, onLost) {
    this.#stage = stage;
    this.#glass = /** @type {HTMLElement} */ (stage.root.querySelector('main'));
    this.#canvas = canvas;
    this.#isControlHeld = isControlHeld;
    const pointer = this.#pointer = new Pointer(canvas, send);
    this.#wheel = new Offstage(async () => {
      const { Wheel } = await import('./wheel.js');
      return new Wheel((event) => pointer.locate(event), send);
    }, onLost);
    this.#fingers = new Offstage(async () => {
      const { openFingers } = await import('./fingers.js');
      const reach = {
        stage, canvas, view, pointer, wheel: this.#wheel, pixelsToPoint: () => this.#pixelsToPoint,
        placeOf: (/** @type {{x: number, y: number}} */ spot) => this.placeOf(spot),
      };
      return openFingers(reach, () => [this.#touchMode, this.#shape]);
    }, onLost);
  }

  get isHolding() {
    return this.#pointer.isHolding || Boolean(this.motion?.isHolding);
  }

  get touchMode() {
    return this.#touchMode;
  }

  set touchMode(mode) {
    this.#touchMode = mode;
    save(MODE_KEY, mode);
    this.#fingers.part?.choose(mode);
  }

  get isLocked() {
    return this.#stage.root.pointerLockElement === this.#canvas;
  }

  /** The canvas may have moved or changed its size. */
  invalidate() {
    this.#pointer.invalidate();
    this.#fingers.part?.draw();
  }

  /** Forget what is held: the server lets go of it too. */
  forget() {
    this.#fingers.part?.cancel();
    this.#pointer.forget();
    this.motion?.forget();
  }

  /** @param {Worn | null} shape of the desktop's pointer */
  wear(shape) {
    this.#shape = shape;
    this.#fingers.part?.wear(shape);
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
    // Menus, autoscroll, paste by the middle button, and history by the side buttons are the desktop's to give.
    for (const type of ['contextmenu', 'mousedown', 'mouseup', 'auxclick', 'dragstart']) {
      canvas.addEventListener(type, (event) => event.preventDefault());
    }
  }

  /** @param {PointerEvent} event */
  #contact(event) {
    const isFinger = event.pointerType === 'touch';
    // A trackpad has no edges where the picture has them.
    if (event.target !== this.#canvas && !(isFinger && this.#touchMode === 'trackpad')) return;
    if (event.type === 'pointerdown') this.#canvas.setPointerCapture(event.pointerId);
    if (isFinger) return this.#fingers.call((fingers) => fingers.contact(event));
    if (event.isPrimary) this.#fingers.part?.yield();
    if (this.isLocked && this.motion) return this.motion.move(event, this.#pixelsToPoint);
    if (event.type === 'pointercancel') this.#pointer.cancel();
    else this.#pointer.move(event);
  }

  /** @param {WheelEvent} event */
  #turn(event) {
    event.preventDefault();
    // Browsers tell a pinch on a trackpad as a wheel with Control.
    if (!event.ctrlKey || this.#isControlHeld()) return this.#wheel.call((wheel) => wheel.turn(event));
    this.#fingers.call((fingers) => fingers.pinch(Math.exp(-event.deltaY * PINCH), event));
  }

  /** Remote pixels to a CSS pixel. */
  get #pixelsToPoint() {
    return this.#canvas.width / Math.max(1, this.#canvas.getBoundingClientRect().width);
  }

  /**
   * Where a pixel of the remote screen is shown.
   * @param {{x: number, y: number}} spot
   * @returns {import('./touch.js').Place}
   */
  placeOf({ x, y }) {
    const box = this.#canvas.getBoundingClientRect(), { width, height } = this.#canvas;
    return { x: box.left + ((x + 0.5) * box.width) / width, y: box.top + ((y + 0.5) * box.height) / height };
  }
}
