/** Puts a desktop into an element of another page: the same markup, style and modules as the desktop's own page has. */

import { readOptions } from './options.js';
import { Stage } from './stage.js';
import { load, localize, preferredLanguages } from './text.js';

/** @typedef {import('./remote.js').Remote} Remote */

const BASE = new URL('../', import.meta.url);

/** Lets our own markup pass where the page takes none of others. A page may have a policy of a name once. */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('voxy-markup', {
  createHTML: (/** @type {string} */ own) => own,
});

/** The same for all elements of a page. @type {Promise<[HTMLElement, CSSStyleSheet, string]> | null} */
let parts = null;

/**
 * @param {HTMLElement} host
 * @param {ShadowRoot} shadow
 * @param {import('./stage.js').Tell} tell
 * @returns {Promise<Remote>}
 */
export async function embed(host, shadow, tell) {
  const [markup, style, language] = await (parts ??= fetchParts(host.getAttribute('lang')));
  const { Viewer } = await import('./viewer.js');
  const box = document.createElement('div');
  box.className = 'stage';
  box.lang = language;
  box.dataset.connection = 'connecting';
  box.append(...[...markup.children].map((node) => document.importNode(node, true)));
  localize(box);
  shadow.adoptedStyleSheets = [style];
  shadow.replaceChildren(box);
  return new Viewer(new Stage(shadow, readOptions((name) => host.getAttribute(name)), tell, { host, box })).remote;
}

/**
 * @param {string | null} language that is asked for
 * @returns {Promise<[HTMLElement, CSSStyleSheet, string]>}
 */
async function fetchParts(language) {
  const text = async (/** @type {string} */ name) => (await fetch(new URL(name, BASE))).text();
  const [page, icons, css, spoken] = await Promise.all(
    [text('index.html'), text('icons.svg'), text('style.css'), load(preferredLanguages(language))]);
  const style = new CSSStyleSheet();
  style.replaceSync(css);
  const { body } = parse(page, 'text/html');
  prepare(body, parse(icons, 'image/svg+xml').documentElement);
  return [body, style, spoken];
}

/**
 * @param {string} text
 * @param {DOMParserSupportedType} type
 */
function parse(text, type) {
  return new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, type);
}

/**
 * Make the page's markup one for a page elsewhere, before its browser fetches anything for it.
 * @param {HTMLElement} body
 * @param {Element} icons which no browser draws from another origin's file: they come along
 */
function prepare(body, icons) {
  for (const element of body.querySelectorAll('noscript, script')) element.remove();
  for (const image of body.querySelectorAll('img')) {
    image.crossOrigin = 'anonymous';
    const src = image.getAttribute('src');
    if (src) image.src = new URL(src, BASE).href;
  }
  icons.setAttribute('hidden', '');
  // Ids of their own, since elements of the page have some of the same.
  for (const symbol of icons.querySelectorAll('symbol')) symbol.id = `icon-${symbol.id}`;
  for (const use of body.querySelectorAll('use')) {
    use.setAttribute('href', `#icon-${use.getAttribute('href')?.split('#')[1]}`);
  }
  body.append(icons);
}
