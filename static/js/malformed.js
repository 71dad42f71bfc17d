/** What is wrong with a message. */

/** What arrived is not a message of this protocol. */
export class WireError extends Error {}

/**
 * @param {boolean} isFine
 * @param {string} what
 * @returns {asserts isFine}
 */
export function check(isFine, what) {
  if (!isFine) throw new WireError(what);
}
