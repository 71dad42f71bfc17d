/** Status: says how far the picture can be trusted. */

import { TEXT, speaksEnglish } from './text.js';

/** @typedef {'connecting' | 'live' | 'stale' | 'stalled' | 'lost' | 'signed-out'} Connection */
/** @typedef {import('./transport.js').TransportState} TransportState */
/** @typedef {{connection: Connection, words: string, action: '' | 'connect' | 'reload'}} Said */
/**
 * @typedef {object} Situation
 * @property {TransportState} transport
 * @property {boolean} isPainted whether this connection has painted a picture
 * @property {boolean} wasPainted whether any has
 * @property {boolean} hasFailed whether a try to connect has failed
 * @property {boolean} isStale
 * @property {import('./wire.js').State | null} source
 */

const LABELS = { '': '', connect: TEXT.tryNow, reload: TEXT.reload };

/**
 * What to say.
 * @param {Situation} situation
 * @returns {Said}
 */
export function judge({ transport, isPainted, wasPainted, hasFailed, isStale, source }) {
  if (transport === 'signed-out') return { connection: 'signed-out', words: '', action: '' };
  if (transport === 'outdated') return { connection: 'lost', words: TEXT.outdated, action: 'reload' };
  // The server says more, but in one language.
  const reason = (speaksEnglish() && source?.reason) || '';
  if (source?.state === 'lost') return { connection: 'lost', words: reason || TEXT.sourceLost, action: '' };
  if (source?.state === 'stalled') return { connection: 'stalled', words: reason || TEXT.stalled, action: '' };
  if (!isPainted && wasPainted) return { connection: 'lost', words: TEXT.connectionLost, action: 'connect' };
  if (!isPainted && hasFailed) return { connection: 'lost', words: TEXT.unreachable, action: 'connect' };
  if (!isPainted) return { connection: 'connecting', words: TEXT.connecting, action: '' };
  if (isStale) return { connection: 'stale', words: TEXT.stale, action: '' };
  return { connection: 'live', words: '', action: '' };
}

export class Status {
  /** @type {Situation} */
  situation = {
    transport: 'idle', isPainted: false, wasPainted: false, hasFailed: false, isStale: false, source: null,
  };
  /** @type {Said} */
  #shown = { connection: 'connecting', words: '', action: '' };
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
    this.#button.textContent = LABELS[said.action];
    this.#button.hidden = !said.action;
  }
}
