/** Markup: pieces of a page, from files of our own. */

import { BROUGHT } from './brought.js';

const BASE = new URL('../', import.meta.url);

/** Lets our own markup pass where the page takes none of others. A page may have a policy of a name once. */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('voxy-markup', {
  createHTML: (/** @type {string} */ own) => own,
});

/** @param {string} name of a file beside this folder */
export async function fetchOwn(name) {
  const brought = BROUGHT[name];
  if (brought !== undefined) return brought;
  const response = await fetch(new URL(name, BASE));
  if (!response.ok) throw new Error(`${name} can't be fetched (${response.status}).`);
  return response.text();
}

/**
 * @param {string} name
 * @returns {Promise<() => Element[]>} makes new elements of what the file has
 */
export async function fetchMarkup(name) {
  const text = await fetchOwn(name);
  const { body } = new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, 'text/html');
  return () => [...body.children].map((node) => document.importNode(node, true));
}

/**
 * @param {import('./stage.js').Root} root
 * @param {string} name of a file with what it shall look like
 */
export async function adoptStyle(root, name) {
  const style = new CSSStyleSheet();
  style.replaceSync(await fetchOwn(name));
  // Not before it is there: another may have come meanwhile.
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, style];
}
