import { Framed } from './framed.js';
import { readOptions } from './options.js';
import { Stage } from './stage.js';
import { load, localize, preferredLanguages } from './text.js';

document.documentElement.lang = await load(preferredLanguages(new URLSearchParams(location.search).get('lang')));
localize(document);
// Not before there are words: what the viewer is made of says them from the first.
const { Viewer } = await import('./viewer.js');
const parameters = new URLSearchParams(location.search);
const framed = window.parent !== window ? new Framed() : null;
const stage = new Stage(document, readOptions((name) => parameters.get(name)), framed?.tell);
const viewer = new Viewer(stage);
viewer.start();
framed?.serve(viewer.remote);
