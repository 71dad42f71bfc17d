/** Acks: tells the server what has been shown. */

/** @typedef {{seq: number, decodeMs: number, takenAt: number}} Painted */

export class Acks {
  /** @type {Painted | null} */
  #painted = null;
  #isScheduled = false;
  #send;
  #schedule;

  /**
   * @param {(painted: Painted) => void} send
   * @param {(callback: () => void) => void} [schedule]
   */
  constructor(send, schedule = (callback) => requestAnimationFrame(callback)) {
    this.#send = send;
    this.#schedule = schedule;
  }

  /**
   * Note what was painted. It is acknowledged in the frame that shows it, or at once where no frames are drawn.
   * @param {Painted} painted
   * @param {boolean} isHidden
   */
  painted(painted, isHidden) {
    this.#painted = painted;
    if (isHidden) return this.flush();
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /** Acknowledge at once what was painted and isn't acknowledged. */
  flush() {
    const painted = this.#painted;
    this.#painted = null;
    if (painted) this.#send(painted);
  }

  /** Forget: it belonged to a connection that is gone. */
  reset() {
    this.#painted = null;
  }
}
