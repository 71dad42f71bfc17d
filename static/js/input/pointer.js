/** Pointer: where it is, in pixels of the remote screen, and its buttons. */

/** @typedef {{left: number, top: number, width: number, height: number}} Box */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {import('../wire.js').Pointer} PointerMessage */
/** @typedef {Pick<PointerEvent, 'clientX' | 'clientY' | 'buttons' | 'isPrimary'>} Motion */

export class Pointer {
  /** @type {Box | null} */
  #box = null;
  /** @type {PointerMessage | null} */
  #last = null;
  /** @type {PointerMessage | null} */
  #pending = null;
  #isFrameAsked = false;
  #canvas;
  #send;
  #schedule;

  /**
   * @param {Size & {getBoundingClientRect(): Box}} canvas
   * @param {(message: PointerMessage) => void} send
   * @param {(callback: () => void) => void} [schedule]
   */
  constructor(canvas, send, schedule = (callback) => requestAnimationFrame(callback)) {
    this.#canvas = canvas;
    this.#send = send;
    this.#schedule = schedule;
  }

  get isHolding() {
    return Boolean(this.#last?.buttons);
  }

  /** The canvas may have moved or changed its size. */
  invalidate() {
    this.#box = null;
  }

  /** Forget the buttons that are held: the server lets go of them too. */
  forget() {
    this.#last = this.#pending = null;
  }

  /**
   * Buttons go out at once, motion once a frame: the first at once too, and the newest with the next frame.
   * @param {Motion} event
   */
  move(event) {
    if (event.isPrimary) this.put({ ...this.locate(event), buttons: toWireButtons(event.buttons) });
  }

  /** @param {{x: number, y: number, buttons: number}} spot on the remote screen, with the wire's buttons */
  put(spot) {
    const message = /** @type {PointerMessage} */ ({ type: 'pointer', ...spot });
    if (message.buttons !== (this.#last?.buttons ?? 0)) return this.#sendButtons(message);
    if (message.x === this.#last?.x && message.y === this.#last.y) this.#pending = null;
    else if (this.#isFrameAsked) this.#pending = message;
    else this.#sendMotion(message);
  }

  /** Let go of the buttons where the pointer was last: an event that cancels doesn't say where it is. */
  cancel() {
    if (this.#last?.buttons) this.#sendButtons({ ...(this.#pending ?? this.#last), buttons: 0 });
  }

  /**
   * Where an event is on the remote screen.
   * @param {{clientX: number, clientY: number}} event
   */
  locate(event) {
    this.#box ??= this.#canvas.getBoundingClientRect();
    return toScreen(event, this.#box, this.#canvas);
  }

  /** @param {PointerMessage} message */
  #sendButtons(message) {
    if (this.#pending) this.#send(this.#pending);
    this.#pending = null;
    this.#last = message;
    this.#send(message);
  }

  /** @param {PointerMessage} message */
  #sendMotion(message) {
    this.#last = message;
    this.#send(message);
    this.#isFrameAsked = true;
    this.#schedule(() => {
      this.#isFrameAsked = false;
      const pending = this.#pending;
      this.#pending = null;
      if (pending) this.#sendMotion(pending);
    });
  }
}

/**
 * The remote pixel under a point of the window.
 * @param {{clientX: number, clientY: number}} point
 * @param {Box} box of the canvas in the window
 * @param {Size} screen
 */
export function toScreen({ clientX, clientY }, box, screen) {
  return {
    x: pixelAt(clientX - box.left, box.width, screen.width),
    y: pixelAt(clientY - box.top, box.height, screen.height),
  };
}

/**
 * @param {number} offset
 * @param {number} length
 * @param {number} pixels
 */
function pixelAt(offset, length, pixels) {
  if (!(length > 0)) return 0;
  return Math.min(pixels - 1, Math.max(0, Math.floor(offset * pixels / length)));
}

/** @param {number} buttons as the DOM has them: right before middle, and more than the wire knows */
export function toWireButtons(buttons) {
  return (buttons & 0b11001) | ((buttons & 0b010) << 1) | ((buttons & 0b100) >> 1);
}
