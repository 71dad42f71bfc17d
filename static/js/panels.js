/** Panels: what the page itself can do, shows and asks, with their markup, style and words. `backstage.js` fetches it. */

import { removeSecretFromAddress } from './address.js';
import { Controls } from './controls.js';
import { adoptStyle, fetchMarkup } from './markup.js';
import { Panel } from './panel.js';
import { SignIn } from './signin.js';
import { loadMore } from './sentences.js';
import { localize } from './text.js';

/**
 * @param {import('./stage.js').Stage} stage
 * @param {import('./controls.js').Parts} parts
 * @param {() => void} onSignedIn
 */
export async function openPanels(stage, parts, onSignedIn) {
  const { root } = stage;
  const [make] = await Promise.all([fetchMarkup('panels.html'), adoptStyle(root, 'panels.css'), loadMore()]);
  const [header, ...others] = make();
  root.getElementById('controls')?.append(...header?.children ?? []);
  root.querySelector('main')?.parentElement?.append(...others);
  // Where the page is another's, no address of ours is beside its own.
  for (const image of /** @type {NodeListOf<HTMLImageElement>} */ (root.querySelectorAll('img[data-src]'))) {
    image.src = new URL(`../${image.dataset.src}`, import.meta.url).href;
  }
  localize(root);
  return {
    controls: new Controls(stage, parts),
    statistics: new Panel(root, parts.toggleStatistics),
    signIn: new SignIn(root, parts.access, () => {
      if (stage.isWhole) removeSecretFromAddress();
      onSignedIn();
    }),
  };
}
