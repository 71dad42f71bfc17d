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
    scale: oneOf(SCALES, get('scale')),
    quality: oneOf(QUALITIES, get('quality')),
  };
}

/**
 * @template {string} T
 * @param {readonly T[]} names
 * @param {string | null} name
 * @returns {T | null} that name, if it is among them
 */
export function oneOf(names, name) {
  return names.find((known) => known === name) ?? null;
}
