/** Wheel: any device that scrolls, in 120ths of a notch. */

/** 120ths of a notch to a unit of WheelEvent.deltaMode: 100 pixels (Chromium), 3 lines (Firefox) or a page are one. */
const UNITS = [120 / 100, 120 / 3, 120];
const NOTCH = 120;
/** Chromium's and Safari's wheelDelta to a pixel of a trackpad. */
const FINE = 3;
/** What the protocol allows in one message. */
const MOST = 12_000;

/** @typedef {{x: number, y: number}} Point */
/** @typedef {Pick<globalThis.WheelEvent, 'deltaMode' | 'deltaX' | 'deltaY' | 'clientX' | 'clientY'>
 *   & {wheelDeltaX?: number, wheelDeltaY?: number}} Turn */

export class Wheel {
  #restX = 0;
  #restY = 0;
  #locate;
  #send;

  /**
   * @param {(event: {clientX: number, clientY: number}) => Point} locate
   * @param {(message: import('../wire.js').Wheel) => void} send
   */
  constructor(locate, send) {
    this.#locate = locate;
    this.#send = send;
  }

  /** @param {Turn} event */
  turn(event) {
    // Firefox counts in lines only if deltaMode is read before the deltas.
    const unit = UNITS[event.deltaMode] ?? 0;
    const x = this.#restX + turned(event.deltaX, event.wheelDeltaX, unit);
    const y = this.#restY + turned(event.deltaY, event.wheelDeltaY, unit);
    const dx = whole(x), dy = whole(y);
    this.#restX = x - Math.trunc(x);
    this.#restY = y - Math.trunc(y);
    if (dx || dy) this.#send({ type: 'wheel', ...this.#locate(event), dx, dy });
  }
}

/**
 * 120ths of a notch. Chromium's pixels of a notch depend on the zoom of the page and on how many lines the system
 * scrolls by; wheelDelta doesn't, and is a multiple of 120 for a wheel with notches.
 * @param {number} delta
 * @param {number | undefined} wheelDelta of the other sign
 * @param {number} unit
 */
function turned(delta, wheelDelta, unit) {
  const hasNotches = unit === UNITS[0] && wheelDelta && wheelDelta % NOTCH === 0 && wheelDelta * delta < 0
    && Math.abs(wheelDelta) !== Math.round(FINE * Math.abs(delta));
  return hasNotches ? -wheelDelta : delta * unit;
}

/** @param {number} value */
function whole(value) {
  // `+ 0` makes zero of -0.
  return Math.max(-MOST, Math.min(MOST, Math.trunc(value))) + 0;
}
