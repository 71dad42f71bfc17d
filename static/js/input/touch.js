/**
 * Touch: fingers as a pointer, in one of two modes.
 *
 * Direct: the desktop is under the finger. A tap clicks there, a finger that moves drags, one that rests clicks right.
 * Trackpad: the pointer goes the finger's ways, not to its places. A tap clicks at the pointer, a tap and then a finger
 * that moves drags, one that rests clicks right.
 *
 * In both, a tap of two fingers clicks right, of three the middle button; two fingers that spread enlarge the view, and
 * two that move together move an enlarged view and turn the wheel where there is nothing left to move.
 */

/** CSS pixels that a finger may move and still rest. */
const SLOP = 10;
/** For how long a first finger waits for a second one. */
const GRACE_MS = 90;
const LONG_PRESS_MS = 500;
/** Within this time, and this far apart in CSS pixels, two taps are at one place. */
const AGAIN_MS = 350, AGAIN = 30;
/** CSS pixels by which two fingers spread before they enlarge. */
const SPREAD = 18;
/** How much faster than the finger the pointer goes in trackpad mode, at most, and the speed at which it does. */
const FASTEST = 2.6, FAST_PX_MS = 1.2;

const LEFT = 1, MIDDLE = 2, RIGHT = 4;

/** @typedef {'direct' | 'trackpad'} TouchMode */
/** @typedef {{x: number, y: number}} Place in CSS pixels of the window */
/** @typedef {Pick<PointerEvent, 'pointerId' | 'clientX' | 'clientY' | 'timeStamp'>} Contact */

/**
 * @typedef {object} Hand what fingers do
 * @property {(place: Place, buttons: number) => void} point
 * @property {(place: Place, dx: number, dy: number) => void} turn the wheel, by CSS pixels of a page that scrolls
 * @property {(factor: number, at: Place) => void} zoom
 * @property {(dx: number, dy: number) => {dx: number, dy: number}} pan what is enlarged; what was left of that
 * @property {(place: Place) => void} pressLong shown where a press was long enough
 * @property {(dx: number, dy: number) => Place} glide move the pointer of the trackpad; where it is then
 * @property {() => Place} whereabouts where the pointer of the trackpad is
 */

/** @typedef {{start: Place, at: Place, time: number}} Finger */

export class Touch {
  /** @type {TouchMode} */
  mode = 'direct';
  /** @type {Map<number, Finger>} */
  #fingers = new Map();
  /** The most fingers since the first came. */
  #most = 0;
  /** @type {'none' | 'waiting' | 'gliding' | 'dragging' | 'done' | 'two' | 'scrolling' | 'zooming'} */
  #state = 'none';
  /** The last tap, which another one may follow. @type {{place: Place, time: number} | null} */
  #tapped = null;
  /** Whether the finger that is down follows a tap. */
  #isAgain = false;
  #startedAt = 0;
  /** Where a finger that drags is. @type {Place} */
  #dragged = { x: 0, y: 0 };
  /** @type {any} */
  #timer = null;
  #hand;
  #setTimer;
  #clearTimer;

  /**
   * @param {Hand} hand
   * @param {(callback: () => void, delayMs: number) => any} [setTimer]
   * @param {(timer: any) => void} [clearTimer]
   */
  constructor(hand, setTimer = (callback, ms) => setTimeout(callback, ms), clearTimer = (timer) => clearTimeout(timer)) {
    this.#hand = hand;
    this.#setTimer = setTimer;
    this.#clearTimer = clearTimer;
  }

  /** @param {Contact} event */
  down(event) {
    const at = placeOf(event);
    this.#fingers.set(event.pointerId, { start: at, at, time: event.timeStamp });
    this.#most = Math.max(this.#most, this.#fingers.size);
    this.#clearTimer(this.#timer);
    if (this.#fingers.size > 1) return this.#begin();
    this.#state = 'waiting';
    this.#startedAt = event.timeStamp;
    this.#isAgain = this.#tapped !== null && event.timeStamp - this.#tapped.time < AGAIN_MS
      && (this.mode === 'trackpad' || far(at, this.#tapped.place) < AGAIN);
    this.#timer = this.#setTimer(() => this.#pressLong(at), LONG_PRESS_MS);
  }

  /** @param {Contact} event */
  move(event) {
    const finger = this.#fingers.get(event.pointerId);
    if (!finger) return;
    const before = finger.at, at = placeOf(event), ms = Math.max(1, event.timeStamp - finger.time);
    const [first, second] = [...this.#fingers.values()];
    if (first && second && this.#fingers.size === 2) return this.#moveTwo(finger, at, first, second);
    Object.assign(finger, { at, time: event.timeStamp });
    if (this.#state === 'waiting' && far(at, finger.start) > SLOP) this.#leave(event.timeStamp, at, ms, finger);
    else if (this.#state === 'gliding' || this.#state === 'dragging') this.#follow(before, at, ms);
  }

  /** @param {Contact} event */
  up(event) {
    const finger = this.#fingers.get(event.pointerId);
    if (!finger) return;
    this.#fingers.delete(event.pointerId);
    this.#clearTimer(this.#timer);
    if (this.#state === 'dragging') this.#drop();
    if (this.#fingers.size) return;
    const isTap = event.timeStamp - this.#startedAt < LONG_PRESS_MS && far(finger.at, finger.start) <= SLOP;
    if (isTap && (this.#state === 'waiting' || this.#state === 'two')) this.#tap(finger.start, event.timeStamp);
    this.#rest();
  }

  /** Whatever was begun ends here: nothing stays down. */
  cancel() {
    this.#clearTimer(this.#timer);
    if (this.#state === 'dragging') this.#drop();
    this.#fingers.clear();
    this.#rest();
  }

  #rest() {
    this.#state = 'none';
    this.#most = 0;
  }

  /** More than one finger: what one had begun is over. */
  #begin() {
    if (this.#state === 'dragging') this.#drop();
    if (this.#state === 'waiting' || this.#state === 'none') this.#state = 'two';
    else if (this.#state !== 'two') this.#state = 'done';
    for (const finger of this.#fingers.values()) finger.start = finger.at;
  }

  /**
   * A finger that rested moves.
   * @param {number} time
   * @param {Place} at
   * @param {number} ms
   * @param {Finger} finger
   */
  #leave(time, at, ms, finger) {
    this.#clearTimer(this.#timer);
    const isDrag = this.mode === 'direct' || this.#isAgain;
    const waitMs = this.#startedAt + GRACE_MS - time;
    if (isDrag && waitMs > 0) {
      // Two fingers never touch at the same moment.
      this.#timer = this.#setTimer(() => this.#drag(finger), waitMs);
    } else if (isDrag) this.#drag(finger);
    else {
      this.#state = 'gliding';
      this.#follow(finger.start, at, ms);
    }
  }

  /** @param {Finger} finger */
  #drag(finger) {
    if (this.#state !== 'waiting') return;
    this.#state = 'dragging';
    this.#tapped = null;
    const from = this.#spot(finger.start);
    this.#hand.point(from, 0);
    this.#hand.point(from, LEFT);
    this.#follow(finger.start, finger.at, GRACE_MS);
  }

  /**
   * @param {Place} before
   * @param {Place} at
   * @param {number} ms
   */
  #follow(before, at, ms) {
    const buttons = this.#state === 'dragging' ? LEFT : 0;
    this.#dragged = at;
    if (this.mode === 'direct') return this.#hand.point(at, buttons);
    const speed = far(at, before) / ms, gain = 1 + (FASTEST - 1) * Math.min(1, speed / FAST_PX_MS);
    this.#hand.point(this.#hand.glide((at.x - before.x) * gain, (at.y - before.y) * gain), buttons);
  }

  #drop() {
    this.#state = 'done';
    this.#hand.point(this.#spot(this.#dragged), 0);
  }

  /** @param {Place} place */
  #pressLong(place) {
    if (this.#state !== 'waiting') return;
    this.#state = 'done';
    const spot = this.#spot(place);
    this.#hand.pressLong(spot);
    this.#click(spot, RIGHT);
  }

  /**
   * @param {Place} place
   * @param {number} time
   */
  #tap(place, time) {
    const button = [LEFT, RIGHT, MIDDLE][this.#most - 1];
    if (!button) return;
    // The second of two taps is where the first was: programs take two places for two clicks.
    const spot = button === LEFT && this.#isAgain && this.#tapped ? this.#tapped.place : place;
    this.#tapped = button === LEFT ? { place: spot, time } : null;
    this.#click(this.#spot(spot), button);
  }

  /**
   * @param {Place} spot
   * @param {number} button
   */
  #click(spot, button) {
    this.#hand.point(spot, 0);
    this.#hand.point(spot, button);
    this.#hand.point(spot, 0);
  }

  /**
   * Where a finger's doings take place.
   * @param {Place} place
   */
  #spot(place) {
    return this.mode === 'trackpad' ? this.#hand.whereabouts() : place;
  }

  /**
   * @param {Finger} finger the one that moves
   * @param {Place} at
   * @param {Finger} first
   * @param {Finger} second
   */
  #moveTwo(finger, at, first, second) {
    const before = { middle: middle(first.at, second.at), spread: far(first.at, second.at) };
    finger.at = at;
    const now = { middle: middle(first.at, second.at), spread: far(first.at, second.at) };
    if (this.#state === 'two') this.#judge(first, second);
    const dx = now.middle.x - before.middle.x, dy = now.middle.y - before.middle.y;
    if (this.#state === 'zooming') {
      this.#hand.pan(dx, dy);
      this.#hand.zoom(now.spread / Math.max(1, before.spread), now.middle);
    } else if (this.#state === 'scrolling') {
      const left = this.#hand.pan(dx, dy);
      if (left.dx || left.dy) this.#hand.turn(this.#spot(now.middle), -left.dx, -left.dy);
    }
  }

  /**
   * Whether two fingers enlarge or scroll.
   * @param {Finger} first
   * @param {Finger} second
   */
  #judge(first, second) {
    const spread = Math.abs(far(first.at, second.at) - far(first.start, second.start));
    const way = far(middle(first.at, second.at), middle(first.start, second.start));
    if (spread > SPREAD && spread > way) this.#state = 'zooming';
    else if (way > SLOP) this.#state = 'scrolling';
  }
}

/** @param {Contact} event @returns {Place} */
function placeOf({ clientX, clientY }) {
  return { x: clientX, y: clientY };
}

/** @param {Place} one @param {Place} other */
function far(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

/** @param {Place} one @param {Place} other @returns {Place} */
function middle(one, other) {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}
