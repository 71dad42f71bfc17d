/** Status: says how far the picture can be trusted. */

import { TEXT, language } from './text.js';

/** @typedef {'connecting' | 'live' | 'stale' | 'stalled' | 'lost' | 'signed-out'} Connection */
/** @typedef {import('./transport.js').TransportState} TransportState */
/** @typedef {{connection: Connection, words: string, action: '' | 'connect' | 'reload'}} Said */
/**
 * @typedef {object} Situation
 * @property {TransportState} transport
 * @property {boolean} [isPainted] whether this connection has painted a picture
 * @property {boolean} [wasPainted] whether any has
 * @property {boolean} [hasFailed] whether a try to connect has failed
 * @property {boolean} [isStale]
 * @property {import('./wire.js').State | null} [source]
 */

/**
 * What to say.
 * @param {Situation} situation
 * @returns {Said}
 */
export function judge({ transport, isPainted, wasPainted, hasFailed, isStale, source }) {
  if (transport === 'signed-out') return said('signed-out');
  if (transport === 'outdated') return said('lost', TEXT.outdated, 'reload');
  // The server says more, but in one language.
  const reason = (language() === 'en' && source?.reason) || '';
  if (source?.state === 'lost') return said('lost', reason || TEXT.sourceLost);
  if (source?.state === 'stalled') return said('stalled', reason || TEXT.stalled);
  if (isPainted) return isStale ? said('stale', TEXT.stale) : said('live');
  if (wasPainted) return said('lost', TEXT.connectionLost, 'connect');
  return hasFailed ? said('lost', TEXT.unreachable, 'connect') : said('connecting', TEXT.connecting);
}

/**
 * @param {Connection} connection
 * @param {string} [words]
 * @param {Said['action']} [action]
 * @returns {Said}
 */
function said(connection, words = '', action = '') {
  return { connection, words, action };
}

export class Status {
  /** @type {Situation} */
  situation = { transport: 'idle' };
  #shown = said('connecting');
  #root;
  #words;
  #button;

  /**
   * @param {import('./stage.js').Stage} stage
   * @param {{connect: () => void, reload: () => void}} actions
   */
  constructor({ root: page, marked }, actions) {
    this.#root = marked;
    this.#words = /** @type {HTMLElement} */ (page.getElementById('words'));
    this.#button = /** @type {HTMLButtonElement} */ (page.getElementById('act'));
    this.#button.addEventListener('click', () => {
      if (this.#shown.action) actions[this.#shown.action]();
    });
  }

  /** @param {Partial<Situation>} change */
  note(change) {
    Object.assign(this.situation, change);
    this.#show(judge(this.situation));
  }

  /** @param {Said} said */
  #show(said) {
    const { connection, words, action } = this.#shown;
    this.#shown = said;
    if (said.connection !== connection) this.#root.dataset.connection = said.connection;
    if (said.words !== words) this.#words.textContent = said.words;
    if (said.action === action) return;
    this.#button.textContent = said.action && TEXT[said.action];
    this.#button.hidden = !said.action;
  }
}
