/** Options: what whoever embeds the desktop asks for, by attributes of an element or parameters of an address. */

/** @typedef {import('./stage.js').Options} Options */

/** @type {readonly import('./wire.js').Mode[]} */
export const SCALES = ['follow', 'fit', 'actual'];
/** @type {readonly import('./wire.js').Level[]} */
const QUALITIES = ['auto', 'exact', 'light'];

/**
 * Read them; what isn't known is as if it weren't there.
 * @param {(name: string) => string | null} get an attribute or parameter; null if it isn't there
 * @returns {Options}
 */
export function readOptions(get) {
  const viewOnly = get('view-only');
  return {
    viewOnly: viewOnly !== null && viewOnly !== 'off',
    toolbar: get('toolbar') !== 'off',
    scale: SCALES.find((name) => name === get('scale')) ?? null,
    quality: QUALITIES.find((name) => name === get('quality')) ?? null,
  };
}
