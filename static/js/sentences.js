/** Sentences: what is said by the parts of the page that are fetched when they are wanted. */

import { fetchOwn } from './markup.js';
import { TEXT, language } from './text.js';

/** Learn them, before they are said. */
export async function loadMore() {
  Object.assign(TEXT, JSON.parse(await fetchOwn(`i18n/${language()}.panels.json`)));
}

/**
 * A sentence with its gaps filled.
 * @param {string} sentence with gaps such as {count}
 * @param {Record<string, string | number>} values
 */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
