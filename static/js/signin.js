/** SignIn: the card that asks for a name and a password where people have names, else for the token. */

import { failureInAddress, removeSecretFromAddress } from './address.js';
import { fill } from './sentences.js';
import { TEXT } from './text.js';

export class SignIn {
  #page;
  #card;
  #form;
  #error;
  #button;
  #otherWay;
  #onSignedIn;
  #access;
  #isByName = false;

  /**
   * @param {import('./stage.js').Root} page
   * @param {import('./auth.js').Access} access
   * @param {() => void} onSignedIn
   */
  constructor(page, access, onSignedIn) {
    this.#page = page;
    this.#access = access;
    this.#card = this.#find('sign-in');
    this.#form = /** @type {HTMLFormElement} */ (page.querySelector('#sign-in form'));
    this.#error = this.#find('sign-in-error');
    this.#button = /** @type {HTMLButtonElement} */ (page.querySelector('#sign-in button'));
    this.#otherWay = this.#find('other-way');
    this.#onSignedIn = onSignedIn;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#otherWay.addEventListener('click', () => this.#ask(!this.#isByName, true));
  }

  /**
   * Ask, unless that is being done.
   * @param {import('./auth.js').Secret | null} refused what the server has just refused
   * @param {boolean} takesFocus whether it is a page of its own
   */
  show(refused, takesFocus) {
    if (!this.#card.hidden) return;
    this.#card.hidden = false;
    const { ways } = this.#access, hasNames = ways.includes('VoXY-Password');
    // A page within another's can't lead to the provider's.
    const provider = takesFocus ? /VoXY-OpenID realm="([^"]*)"/.exec(ways)?.[1] ?? '' : '';
    this.#otherWay.hidden = !hasNames;
    this.#find('by-provider').hidden = !provider;
    this.#find('provider').textContent = fill(TEXT.signInAt, { provider });
    this.#ask(hasNames, takesFocus && !provider);
    if (takesFocus && provider) this.#find('provider').focus();
    this.#error.textContent = this.#access.isKeptOut ? TEXT.keptOut : reasonOf(refused);
  }

  hide() {
    if (this.#card.hidden) return;
    this.#card.hidden = true;
    this.#form.reset();
  }

  /**
   * @param {boolean} isByName
   * @param {boolean} takesFocus
   */
  #ask(isByName, takesFocus) {
    this.#isByName = isByName;
    this.#find('by-name').hidden = !isByName;
    this.#find('by-token').hidden = isByName;
    this.#otherWay.textContent = isByName ? TEXT.withToken : TEXT.withName;
    this.#error.textContent = '';
    if (takesFocus) this.#field(isByName ? 'user' : 'token').focus();
  }

  async #submit() {
    this.#button.disabled = true;
    const secret = this.#isByName
      ? { user: this.#field('user').value.trim(), password: this.#field('password').value }
      : { token: tokenIn(this.#field('token').value) };
    const result = await this.#access.signIn(secret);
    this.#button.disabled = false;
    if (result === 'in') return this.#onSignedIn();
    this.#error.textContent = {
      refused: this.#isByName ? TEXT.wrongPassword : TEXT.wrongToken,
      later: fill(TEXT.guessedOften, { seconds: this.#access.waitS }),
      unreachable: TEXT.signInUnreachable,
    }[result];
    this.#field(this.#isByName ? 'password' : 'token').select();
  }

  /** @param {string} id */
  #field(id) {
    return /** @type {HTMLInputElement} */ (this.#find(id));
  }

  /** @param {string} id */
  #find(id) {
    return /** @type {HTMLElement} */ (this.#page.getElementById(id));
  }
}

/**
 * Why somebody isn't in, as far as he has tried.
 * @param {import('./auth.js').Secret | null} refused
 */
function reasonOf(refused) {
  if (refused) {
    if ('invitation' in refused) return TEXT.invitationEnded;
    return 'ticket' in refused ? TEXT.ticketEnded : TEXT.wrongToken;
  }
  const failure = failureInAddress();
  if (!failure) return '';
  removeSecretFromAddress();
  if (failure === 'unreachable') return TEXT.providerUnreachable;
  return failure === 'expired' ? TEXT.providerExpired : TEXT.providerRefused;
}

/**
 * The token in what somebody pasted: the token itself, or the whole address.
 * @param {string} text
 */
export function tokenIn(text) {
  return text.trim().replace(/^.*#(.*&)?token=/s, '').replace(/&.*$/s, '');
}
