/** PeoplePanel: who looks on, who acts, what can be done about that, and who we are. */

import { fill } from './sentences.js';
import { TEXT } from './text.js';

/** @typedef {import('./wire.js').Somebody} Somebody */

const CLAIM = { kind: /** @type {const} */ ('person'), reason: '', seconds: 600 };

export class PeoplePanel {
  #page;
  #access;
  #send;
  /** @type {readonly string[]} */
  #permissions = [];
  /** @type {Somebody[]} */
  #people = [];

  /**
   * @param {import('./stage.js').Root} page
   * @param {import('./auth.js').Access} access
   * @param {(message: import('./wire.js').ToServer) => void} send
   */
  constructor(page, access, send) {
    this.#page = page;
    this.#access = access;
    this.#send = send;
    this.#find('people').addEventListener('open', () => access.isSignedOut().then(() => this.#showOurselves(), () => {}));
    this.#find('sign-out').addEventListener('click', () => this.#signOut());
    this.#find('ask-control').addEventListener('click', () => send({ type: 'ask_control', ...CLAIM }));
    this.#find('take-control').addEventListener('click', () => send({ type: 'take_control', ...CLAIM }));
    this.#find('leave-control').addEventListener('click', () => send({ type: 'leave_control' }));
  }

  /** @param {import('./wire.js').People} people */
  count({ count }) {
    // What the button is called doesn't begin with a number; the popup says it in words.
    this.#find('people-count').dataset.count = count > 1 ? String(count) : '';
    this.#find('people-said').textContent = count > 1 ? fill(TEXT.peopleOthers, { count: count - 1 }) : TEXT.peopleAlone;
  }

  /** @param {import('./wire.js').Control} control */
  show({ people }) {
    this.#people = people;
    this.#draw();
  }

  /** @param {import('./wire.js').May} may */
  permit({ permissions }) {
    this.#permissions = permissions;
    this.#draw();
  }

  #showOurselves() {
    const { name, cookie, logout } = this.#access.session;
    this.#find('signed-in-as').hidden = !name;
    this.#find('signed-in-as').textContent = fill(TEXT.signedInAs, { name });
    this.#find('sign-out').hidden = !cookie && !logout;
  }

  /** End the session that the browser keeps, wherever it is open. */
  async #signOut() {
    await fetch(new URL('../logout', import.meta.url), { method: 'POST' });
    const { logout } = this.#access.session;
    if (logout) location.assign(logout);
  }

  #draw() {
    const me = this.#people.find((somebody) => somebody.me);
    const holder = this.#people.find((somebody) => somebody.holds);
    const ask = this.#find('ask-control'), leave = this.#find('leave-control');
    this.#find('people-list').replaceChildren(...this.#people.map((somebody) => this.#row(somebody, me)));
    this.#find('control-said').textContent = holder ? '' : TEXT.controlFree;
    ask.hidden = !this.#permissions.includes('control') || !me || me.holds || me.asks;
    ask.textContent = holder ? TEXT.askControl : TEXT.haveControl;
    this.#find('take-control').hidden = !holder || holder === me || !this.#permissions.includes('take_control');
    leave.hidden = !me?.holds && !me?.asks;
    leave.textContent = me?.holds ? TEXT.leaveControl : TEXT.askNoMore;
  }

  /**
   * @param {Somebody} somebody
   * @param {Somebody | undefined} me
   */
  #row(somebody, me) {
    const { id, holds, asks, kind, reason, may_hold: mayHold } = somebody;
    const [row, name, state] = [element('li'), element('span'), element('small')];
    name.textContent = nameOf(somebody);
    const words = [holds && TEXT.controls, asks && TEXT.asks, (holds || asks) && kind === 'program' && TEXT.program, reason];
    state.textContent = words.filter(Boolean).join(' · ');
    row.append(name, state);
    if (holds) row.dataset.holds = '';
    if (me?.holds && somebody !== me && mayHold) {
      const give = element('button');
      give.setAttribute('type', 'button');
      give.textContent = TEXT.giveControl;
      give.addEventListener('click', () => this.#send({ type: 'give_control', to: id }));
      row.append(give);
    }
    return row;
  }

  /** @param {string} id */
  #find(id) {
    return /** @type {HTMLElement} */ (this.#page.getElementById(id));
  }
}

/** @param {string} tag */
function element(tag) {
  return document.createElement(tag);
}

/** @param {Somebody} somebody */
export function nameOf({ name, me, id }) {
  const known = name || fill(TEXT.guest, { number: id });
  return me ? fill(TEXT.you, { name: known }) : known;
}
