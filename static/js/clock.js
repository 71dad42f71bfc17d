/** One clock for all threads of the page. */

/** The time in ms; performance.now() alone counts from each thread's own beginning. */
export function now() {
  return performance.timeOrigin + performance.now();
}
