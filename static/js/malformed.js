/** What is wrong with a message, or keeps it from being shown. */

/** What arrived is not a message of this protocol. */
export class WireError extends Error {}

/** A part of the page that is needed now couldn't be fetched. */
export class PartLost extends Error {}

/**
 * @param {boolean} isFine
 * @param {string} what
 * @returns {asserts isFine}
 */
export function check(isFine, what) {
  if (!isFine) throw new WireError(what);
}
