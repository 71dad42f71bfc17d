import { Framed } from './framed.js';
import { fetchMarkup } from './markup.js';
import { readOptions } from './options.js';
import { OwnPage } from './own_page.js';
import { Stage } from './stage.js';
import { load, localize, preferredLanguages } from './text.js';

const parameters = new URLSearchParams(location.search);
const [make, language] = await Promise.all(
  [fetchMarkup('desktop.html'), load(preferredLanguages(parameters.get('lang')))]);
document.documentElement.lang = language;
document.body.append(...make());
localize(document);
// Not before there are words: what the viewer is made of says them from the first.
const { Viewer } = await import('./viewer.js');
const framed = window.parent !== window ? new Framed() : null;
const stage = new Stage(document, readOptions((name) => parameters.get(name)), framed?.tell);
const viewer = new Viewer(stage);
new OwnPage(viewer).start();
framed?.serve(viewer.remote);
