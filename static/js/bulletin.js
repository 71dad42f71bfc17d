/** Bulletin: says what the server tells of beside the picture: limits that were met, and where a machine is. */

import { fill, loadMore } from './sentences.js';
import { TEXT, language } from './text.js';

/** @typedef {import('./wire.js').Notice | import('./wire.js').Place} Told */

/**
 * @param {import('./notice.js').Notice} notice
 * @param {() => string} name the machine's
 */
export async function openBulletin(notice, name) {
  await loadMore();
  return new Bulletin(notice, name);
}

export class Bulletin {
  #notice;
  #name;
  /** Where it was last. */
  #host = '';
  #isMoving = false;

  /**
   * @param {Pick<import('./notice.js').Notice, 'say' | 'keep'>} notice
   * @param {() => string} name the machine's
   */
  constructor(notice, name) {
    this.#notice = notice;
    this.#name = name;
  }

  /** Whoever acted may only look on from now on. */
  lookOn() {
    this.#notice.say(TEXT.lookingOn);
  }

  /** @param {Told} told */
  take(told) {
    if (told.type === 'place') return this.#move(told);
    this.#notice.say(fill(TEXT.notices[told.code], { limit: inBytes(told.limit) }));
  }

  /** @param {import('./wire.js').Place} place */
  #move({ host, to, is_near: isNear }) {
    const former = this.#host, wasMoving = this.#isMoving;
    this.#host = host || former;
    this.#isMoving = Boolean(to);
    this.#notice.keep(to && fill(TEXT.moving, { name: this.#name(), host: to }));
    if (to || !host) return;
    // Whoever opens the page expects the machine to be on the host of its server.
    if (host !== former && (former || !isNear)) this.#notice.say(fill(TEXT.runsOn, { name: this.#name(), host }));
    else if (wasMoving) this.#notice.say(fill(TEXT.staysOn, { name: this.#name(), host }));
  }
}

/**
 * A number of bytes for people: 16 MB, 1.5 kB.
 * @param {number} bytes
 */
export function inBytes(bytes) {
  const step = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const unit = ['byte', 'kilobyte', 'megabyte', 'gigabyte'][step] ?? 'byte';
  const format = { style: 'unit', unit, unitDisplay: 'short', maximumSignificantDigits: 3 };
  return new Intl.NumberFormat(language(), /** @type {any} */ (format)).format(bytes / 2 ** (10 * step));
}
