/** ControlRequest: tells whoever holds control that somebody asks for it, beside the work, and takes the answer. */

import { nameOf } from './people_panel.js';
import { fill } from './sentences.js';
import { TEXT } from './text.js';

/** @typedef {import('./wire.js').Somebody} Somebody */

export class ControlRequest {
  #page;
  #onLeave;
  /** @type {Somebody | undefined} */
  #asking;
  /** Those whom control was not given to, for as long as they ask. @type {ReadonlySet<number>} */
  #refused = new Set();
  /** @type {readonly Somebody[]} */
  #people = [];

  /**
   * @param {import('./stage.js').Root} page
   * @param {(message: import('./wire.js').ToServer) => void} send
   * @param {() => void} onLeave the keyboard goes back to the desktop
   */
  constructor(page, send, onLeave) {
    this.#page = page;
    this.#onLeave = onLeave;
    const root = this.#find('asked');
    // A press of the pointer leaves the keyboard to the desktop.
    root.addEventListener('mousedown', (event) => event.preventDefault());
    root.addEventListener('keydown', (event) => event.key === 'Escape' && this.#keep());
    this.#find('keep-control').addEventListener('click', () => this.#keep());
    this.#find('give-control').addEventListener('click', () => {
      if (this.#asking) send({ type: 'give_control', to: this.#asking.id });
    });
  }

  /** @param {import('./wire.js').Control} control */
  show({ people }) {
    this.#people = people;
    this.#refused = new Set(people.filter(({ id, asks }) => asks && this.#refused.has(id)).map(({ id }) => id));
    this.#draw();
  }

  /** Take the keyboard there; false if nobody asks. */
  enter() {
    if (this.#asking) this.#find('give-control').focus();
    return this.#asking !== undefined;
  }

  #keep() {
    if (this.#asking) this.#refused = new Set([...this.#refused, this.#asking.id]);
    this.#draw();
  }

  #draw() {
    const isHolder = this.#people.some(({ me, holds }) => me && holds);
    const former = this.#asking;
    const next = isHolder ? this.#people.find(({ id, asks }) => asks && !this.#refused.has(id)) : undefined;
    this.#asking = next;
    const root = this.#find('asked');
    if (!next && root.contains(this.#page.activeElement)) this.#onLeave();
    root.hidden = !next;
    // Said once: a text that is put there again would be read out again.
    if (next?.id !== former?.id) this.#find('asked-said').textContent = next ? fill(TEXT.asksYou, { name: nameOf(next) }) : '';
    this.#find('asked-reason').textContent = next?.reason ?? '';
  }

  /** @param {string} id */
  #find(id) {
    return /** @type {HTMLElement} */ (this.#page.getElementById(id));
  }
}
