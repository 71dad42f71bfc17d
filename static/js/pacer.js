/**
 * Pacer: gives each picture a frame of its own. A far line brings two for one frame and none for the next: the second
 * waits for the next frame. On a near line that would be most of the way, and there the first is painted over; unless
 * the second is just in time for its frame, for then the next are as often just late for theirs.
 */

/** Milliseconds of a round trip from which on a line is far: more than a frame. */
const FAR_MS = 20;

/** For how long, from when an answer is due, a picture may be what somebody's hand has done, which never waits. */
const ANSWER_MS = 50;

/** How long a frame takes, and from when on in it a picture is just in time for the next. */
const FRAME_MS = 16.7, LATE_MS = 11;

/** @typedef {import('./decoder.js').Decoded} Decoded */

export class Pacer {
  #paint;
  #schedule;
  #now;
  /** @type {Decoded | null} */
  #waiting = null;
  /** Whether something was painted that no frame has shown yet, and the next may wait for. */
  #isUsed = false;
  /** When the last frame was in which something was shown. */
  #frameAt = -Infinity;
  /** The least round trip of this connection; 0 until it is known. */
  #rttMs = 0;
  /** From when until when what somebody has done may be seen. @type {[number, number]} */
  #answer = [-Infinity, -Infinity];

  /**
   * @param {(decoded: Decoded) => void} paint
   * @param {(callback: (at: number) => void) => void} [schedule] for after the next frame, and when that is
   * @param {() => number} [now]
   */
  constructor(paint, schedule = afterFrame, now = () => performance.now()) {
    this.#paint = paint;
    this.#schedule = schedule;
    this.#now = now;
  }

  /** @param {number} roundTripMs of a ping */
  answered(roundTripMs) {
    this.#rttMs = Math.min(this.#rttMs || roundTripMs, roundTripMs);
  }

  /** Somebody typed, or moved something. */
  acted() {
    const now = this.#now(), due = now + this.#rttMs, [from, until] = this.#answer;
    this.#answer = [now > until ? due : from, due + ANSWER_MS];
  }

  /**
   * @param {Decoded} decoded the next picture
   * @param {boolean} isHidden whether no frames are drawn
   */
  take(decoded, isHidden) {
    const now = this.#now(), [from, until] = this.#answer, isFar = this.#rttMs >= FAR_MS;
    const mayWait = !isHidden && (now < from || now > until), isLate = (now - this.#frameAt) % FRAME_MS > LATE_MS;
    const waits = mayWait && this.#isUsed && (isFar || isLate);
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
    this.#rttMs = 0;
  }

  #use() {
    if (this.#isUsed) return;
    this.#isUsed = true;
    this.#schedule((at) => {
      this.#frameAt = at;
      this.#isUsed = false;
      if (!this.#waiting) return;
      this.flush();
      this.#use();
    });
  }
}

/** @param {(at: number) => void} callback */
function afterFrame(callback) {
  requestAnimationFrame((at) => setTimeout(callback, 0, at));
}
