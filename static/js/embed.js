/** Puts a desktop into an element of another page: the same markup, style and modules as the desktop's own page has. */

import { adoptStyle, fetchMarkup } from './markup.js';
import { readOptions } from './options.js';
import { Stage } from './stage.js';
import { load, localize, preferredLanguages } from './text.js';

/** The same for all elements of a page. @type {Promise<[() => Element[], string]> | null} */
let parts = null;

/**
 * @param {HTMLElement} host
 * @param {ShadowRoot} shadow
 * @param {import('./stage.js').Tell} tell
 * @returns {Promise<import('./remote.js').Remote>}
 */
export async function embed(host, shadow, tell) {
  parts ??= Promise.all([fetchMarkup('desktop.html'), load(preferredLanguages(host.getAttribute('lang')))]);
  shadow.adoptedStyleSheets = [];
  const [[make, language]] = await Promise.all([parts, adoptStyle(shadow, 'style.css')]);
  // Not before there are words: what the viewer is made of says them from the first.
  const { Viewer } = await import('./viewer.js');
  const box = document.createElement('div');
  box.className = 'stage';
  box.lang = language;
  box.dataset.connection = 'connecting';
  box.append(...make());
  localize(box);
  shadow.replaceChildren(box);
  return new Viewer(new Stage(shadow, readOptions((name) => host.getAttribute(name)), tell, { host, box })).remote;
}
