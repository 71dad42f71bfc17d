/** Caret: where on the remote screen something is being written, told from what changes there when a key is typed. */

/** What changes within this time of a key is likely its doing; slow lines and busy machines take most of it. */
const ECHO_MS = 1000;
/** Remote pixels of the largest change that may be a character and the caret after it. */
const WIDEST = 96, HIGHEST = 64;

/** @typedef {import('../update.js').Rect} Rect */
/** @typedef {import('../update.js').Operation} Operation */

export class Caret {
  #typedAt = -Infinity;

  /** @param {number} now a key was typed, in ms */
  typed(now) {
    this.#typedAt = now;
  }

  /**
   * The caret, if what an update changed looks like a character that was written; its upper end.
   * @param {Operation[]} operations
   * @param {number} now
   * @returns {{x: number, y: number} | null} in remote pixels
   */
  find(operations, now) {
    if (now - this.#typedAt > ECHO_MS || !operations.length) return null;
    const rects = operations.flatMap((operation) => ('rects' in operation ? operation.rects : [null]));
    const [left, top] = [least(rects, ({ left }) => left), least(rects, ({ top }) => top)];
    const right = -least(rects, ({ left, width }) => -left - width);
    const bottom = -least(rects, ({ top, height }) => -top - height);
    return right - left <= WIDEST && bottom - top <= HIGHEST ? { x: right, y: top } : null;
  }
}

/**
 * @param {(Rect | null)[]} rects null for what has no small place
 * @param {(rect: Rect) => number} of
 */
function least(rects, of) {
  return Math.min(...rects.map((rect) => (rect ? of(rect) : NaN)));
}
