/** OwnPage: a desktop in a page of its own: secrets in the address, a picture that is left behind, which monitor is shown. */

import { nameInAddress, removeSecretFromAddress, secretInAddress } from './address.js';
import * as leftover from './leftover.js';

/** @typedef {import('./viewer.js').Viewer} Viewer */

export class OwnPage {
  #viewer;

  /** @param {Viewer} viewer */
  constructor(viewer) {
    this.#viewer = viewer;
  }

  /** Show what the page showed before it was loaded anew; sign in with the token in the address; connect. */
  async start() {
    window.addEventListener('pagehide', () => this.#leave());
    // The browser had kept the page as it was.
    window.addEventListener('pageshow', (event) => event.persisted && leftover.clear());
    window.addEventListener('hashchange', () => this.#open());
    const left = await leftover.take();
    if (left) this.#viewer.restore(left, () => leftover.isShown(this.#viewer.canvas, left.picture));
    await this.#open();
  }

  /** Sign in with the token or invitation in the address, if there is one, and connect. */
  async #open() {
    const secret = secretInAddress(), { remote, presentation } = this.#viewer;
    presentation.showMonitor(nameInAddress());
    if (await remote.connect(secret) && secret) removeSecretFromAddress();
  }

  #leave() {
    const { canvas, resume } = this.#viewer;
    if (resume?.seq) leftover.leave(canvas, resume);
  }
}
