/** SignIn: the card that asks for the token. */

import { tokenIn } from './auth.js';
import { TEXT } from './text.js';

const ERRORS = { refused: TEXT.wrongToken, unreachable: TEXT.signInUnreachable };

export class SignIn {
  #card;
  #form;
  #field;
  #error;
  #button;
  #onSignedIn;
  #access;

  /**
   * @param {import('./stage.js').Root} page
   * @param {import('./auth.js').Access} access
   * @param {() => void} onSignedIn
   */
  constructor(page, access, onSignedIn) {
    this.#access = access;
    const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (page.querySelector(selector));
    this.#card = find('#sign-in');
    this.#form = /** @type {HTMLFormElement} */ (find('#sign-in form'));
    this.#field = /** @type {HTMLInputElement} */ (find('#token'));
    this.#error = find('#sign-in-error');
    this.#button = /** @type {HTMLButtonElement} */ (find('#sign-in button'));
    this.#onSignedIn = onSignedIn;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Ask, unless that is being done. */
  show({ isRefused = false, takesFocus = true } = {}) {
    if (!this.#card.hidden) return;
    this.#error.textContent = isRefused ? TEXT.wrongToken : '';
    this.#card.hidden = false;
    if (takesFocus) this.#field.focus();
  }

  hide() {
    if (this.#card.hidden) return;
    this.#card.hidden = true;
    this.#form.reset();
  }

  async #submit() {
    this.#button.disabled = true;
    const result = await this.#access.signIn({ token: tokenIn(this.#field.value) });
    this.#button.disabled = false;
    if (result === 'in') return this.#onSignedIn();
    this.#error.textContent = ERRORS[result];
    this.#field.select();
  }
}
