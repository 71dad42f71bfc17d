/** One clock for all threads of the page, and its timers. */

/** The time in ms; performance.now() alone counts from each thread's own beginning. */
export function now() {
  return performance.timeOrigin + performance.now();
}

/** What is told of time to those whose tests turn the clock. */
export const TIMERS = {
  now: () => performance.now(),
  setTimer: (/** @type {() => void} */ callback, /** @type {number} */ delayMs) => setTimeout(callback, delayMs),
  clearTimer: (/** @type {any} */ timer) => clearTimeout(timer),
};
