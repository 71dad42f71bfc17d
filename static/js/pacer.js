/**
 * Pacer: gives each picture a frame of its own. A far line brings two for one frame and none for the next: the second
 * waits for the next frame. On a near line that would be most of the way, and there the first is painted over.
 */

/** Milliseconds of a round trip from which on a line is far: more than a frame. */
const FAR_MS = 20;

/** For how long, from when an answer is due, a picture may be what somebody's hand has done, which never waits. */
const ANSWER_MS = 50;

/** @typedef {import('./decoder.js').Decoded} Decoded */

export class Pacer {
  #paint;
  #schedule;
  #now;
  /** @type {Decoded | null} */
  #waiting = null;
  /** Whether something was painted that no frame has shown yet, and the next may wait for. */
  #isUsed = false;
  /** The least of this connection. @type {number | null} */
  #roundTripMs = null;
  /** When what somebody has done may be seen. */
  #answer = { from: -Infinity, until: -Infinity };

  /**
   * @param {(decoded: Decoded) => void} paint
   * @param {(callback: () => void) => void} [schedule] for after the next frame
   * @param {() => number} [now]
   */
  constructor(paint, schedule = afterFrame, now = () => performance.now()) {
    this.#paint = paint;
    this.#schedule = schedule;
    this.#now = now;
  }

  /** @param {number} roundTripMs of a ping */
  answered(roundTripMs) {
    this.#roundTripMs = Math.min(this.#roundTripMs ?? roundTripMs, roundTripMs);
  }

  /** Somebody typed, or moved something. */
  acted() {
    const now = this.#now(), due = now + (this.#roundTripMs ?? 0), { from, until } = this.#answer;
    this.#answer = { from: now > until ? due : from, until: due + ANSWER_MS };
  }

  /**
   * @param {Decoded} decoded the next picture
   * @param {boolean} isHidden whether no frames are drawn
   */
  take(decoded, isHidden) {
    const now = this.#now(), { from, until } = this.#answer, isFar = (this.#roundTripMs ?? 0) >= FAR_MS;
    const mayWait = isFar && !isHidden && (now < from || now > until), waits = mayWait && this.#isUsed;
    this.flush();
    if (waits) this.#waiting = decoded;
    else this.#paint(decoded);
    if (mayWait) this.#use();
  }

  /** Paint now what waits. */
  flush() {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) this.#paint(waiting);
  }

  /** Begin anew, for another connection. */
  reset() {
    this.flush();
    this.#roundTripMs = null;
  }

  #use() {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#schedule(() => {
      this.#isUsed = false;
      if (!this.#waiting) return;
      this.flush();
      this.#use();
    });
  }
}

/** @param {() => void} callback */
function afterFrame(callback) {
  requestAnimationFrame(() => setTimeout(callback));
}
