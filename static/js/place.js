/** Place: says on which host a machine is whose screen this is, and that it moves. */

import { TEXT, fill } from './text.js';

export class Place {
  #notice;
  #name = '';
  /** Where it was last. */
  #host = '';
  #isMoving = false;

  /** @param {Pick<import('./notice.js').Notice, 'say' | 'keep'>} notice */
  constructor(notice) {
    this.#notice = notice;
  }

  /** @param {string} name the machine's */
  enter(name) {
    this.#name = name;
  }

  /** @param {import('./wire.js').Place} place */
  take({ host, to, is_near: isNear }) {
    const former = this.#host, wasMoving = this.#isMoving;
    this.#host = host || former;
    this.#isMoving = Boolean(to);
    this.#notice.keep(to && fill(TEXT.moving, { name: this.#name, host: to }));
    if (to || !host) return;
    // Whoever opens the page expects the machine to be on the host of its server.
    if (host !== former && (former || !isNear)) this.#notice.say(fill(TEXT.runsOn, { name: this.#name, host }));
    else if (wasMoving) this.#notice.say(fill(TEXT.staysOn, { name: this.#name, host }));
  }
}
