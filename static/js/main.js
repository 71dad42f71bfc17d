import { load, localize, preferredLanguages } from './text.js';

await load(preferredLanguages());
localize(document);
// Not before there are words: what the viewer is made of says them from the first.
const { Viewer } = await import('./viewer.js');
new Viewer(document).start();
