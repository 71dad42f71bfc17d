/** Motion: a pointer that is kept by the desktop, as for games; how far it went, once a frame. */

import { toWireButtons } from './pointer.js';

/** What a message can say. */
const MOST = 32_767;

/** @typedef {Pick<PointerEvent, 'movementX' | 'movementY' | 'buttons'>} Move */

export class Motion {
  #x = 0;
  #y = 0;
  #buttons = 0;
  #isFrameAsked = false;
  #send;
  #schedule;

  /**
   * @param {(message: import('../wire.js').Motion) => void} send
   * @param {(callback: () => void) => void} [schedule]
   */
  constructor(send, schedule = (callback) => requestAnimationFrame(callback)) {
    this.#send = send;
    this.#schedule = schedule;
  }

  get isHolding() {
    return this.#buttons !== 0;
  }

  /**
   * @param {Move} event
   * @param {number} scale remote pixels to a CSS pixel
   */
  move({ movementX, movementY, buttons }, scale) {
    this.#x += movementX * scale;
    this.#y += movementY * scale;
    const now = toWireButtons(buttons);
    if (now !== this.#buttons) return this.#tell(now);
    if (this.#isFrameAsked) return;
    this.#isFrameAsked = true;
    this.#schedule(() => {
      this.#isFrameAsked = false;
      this.#tell(this.#buttons);
    });
  }

  /** The pointer is free again: nothing is held. */
  end() {
    if (this.#buttons) this.#tell(0);
    this.forget();
  }

  forget() {
    this.#x = this.#y = this.#buttons = 0;
  }

  /** @param {number} buttons as they are from now on */
  #tell(buttons) {
    const dx = whole(this.#x), dy = whole(this.#y);
    this.#x -= dx;
    this.#y -= dy;
    if (dx || dy || buttons !== this.#buttons) this.#send({ type: 'motion', dx, dy, buttons });
    this.#buttons = buttons;
  }
}

/** @param {number} way */
function whole(way) {
  // `+ 0` makes zero of -0.
  return Math.max(-MOST, Math.min(MOST, Math.trunc(way))) + 0;
}
