/** Text: everything that the page says to people, in the language that they read. The words are in `i18n/`. */

import { fetchOwn } from './markup.js';

/** @typedef {typeof import('../i18n/en.json') & typeof import('../i18n/en.panels.json')} Texts */

/** Languages that the page speaks; the first where it speaks none of the reader's. */
const LANGUAGES = ['en', 'ja'];

let spoken = 'en';

/** Filled before anything is shown: see `main.js`, and `sentences.js` for the rest. */
export const TEXT = /** @type {Texts} */ ({});

/**
 * Learn to speak, in the first of these languages that is known.
 * @param {readonly string[]} languages as browsers name them, the preferred one first
 * @returns {Promise<string>} the one that is spoken from now on
 */
export async function load(languages) {
  const known = languages.map((name) => name.toLowerCase().split('-')[0] ?? '');
  const language = known.find((name) => LANGUAGES.includes(name)) ?? LANGUAGES[0];
  Object.assign(TEXT, JSON.parse(await fetchOwn(`i18n/${language}.json`)));
  return spoken = language ?? '';
}

/**
 * The languages of whoever reads, after the one that is asked for.
 * @param {string | null} asked
 */
export function preferredLanguages(asked) {
  return [...(asked ? [asked] : []), ...navigator.languages];
}

/**
 * Put the words where the page's markup asks for them: `data-text` names the text of an element, `data-label` its name.
 * @param {ParentNode} page
 */
export function localize(page) {
  for (const element of page.querySelectorAll('[data-text]')) {
    element.textContent = textOf(/** @type {HTMLElement} */ (element).dataset.text ?? '');
  }
  for (const element of page.querySelectorAll('[data-label]')) {
    const label = textOf(/** @type {HTMLElement} */ (element).dataset.label ?? '');
    element.setAttribute('aria-label', label);
    if (element.matches('button')) element.setAttribute('title', label);
  }
}

/**
 * @param {string} path the text's name, or that of a group and of a text in it: `qualities.auto`
 * @returns {string}
 */
function textOf(path) {
  return path.split('.').reduce((/** @type {any} */ texts, name) => texts[name], TEXT);
}

/** @param {string} name the desktop's */
export function titleOf(name) {
  return name ? `${name} — VoXY` : 'VoXY';
}

/** The language that is spoken. */
export function language() {
  return spoken;
}
