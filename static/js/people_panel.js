/** PeoplePanel: who else is here, and who we are. */

import { TEXT, fill } from './text.js';

export class PeoplePanel {
  #page;
  #access;

  /**
   * @param {import('./stage.js').Root} page
   * @param {import('./auth.js').Access} access
   */
  constructor(page, access) {
    this.#page = page;
    this.#access = access;
    this.#find('people').addEventListener('open', () => access.isSignedOut().then(() => this.#showOurselves(), () => {}));
    this.#find('sign-out').addEventListener('click', () => access.signOut());
  }

  /** @param {import('./wire.js').People} people */
  count({ count }) {
    this.#find('people-count').textContent = count > 1 ? String(count) : '';
    this.#find('people-said').textContent = count > 1 ? fill(TEXT.peopleOthers, { count: count - 1 }) : TEXT.peopleAlone;
  }

  #showOurselves() {
    const { name, canSignOut } = this.#access;
    this.#find('signed-in-as').hidden = !name;
    this.#find('signed-in-as').textContent = fill(TEXT.signedInAs, { name });
    this.#find('sign-out').hidden = !canSignOut;
  }

  /** @param {string} id */
  #find(id) {
    return /** @type {HTMLElement} */ (this.#page.getElementById(id));
  }
}
