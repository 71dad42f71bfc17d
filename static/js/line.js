/**
 * Line: the WebSocket to the server, in a thread of its own.
 *
 * After a key or a click Chromium holds back what reaches a page (sockets, timers, messages of workers, decoded images)
 * until the next frame has been drawn, if one is due: what the key brings about would be seen a whole frame later. A
 * BroadcastChannel isn't held back. So a worker has the socket and decodes, and sends what is small by such a channel.
 */

import { PartLost } from './malformed.js';

/** @typedef {import('./decoder.js').Decoded} Decoded */
/** @typedef {import('./wire.js').FromServer} FromServer */
/** @typedef {Exclude<FromServer, {type: 'update'}>} Message */
/** @typedef {{kind: 'open'} | {kind: 'close', code: number} | {kind: 'broken' | 'lost', reason: string}
 *   | {kind: 'data', data: Message | Decoded}} Delivery */
/** @typedef {Delivery & {line: number, number: number}} FromLine */
/** @typedef {{kind: 'open', line: number, url: string, protocols: string[]}
 *   | {kind: 'send', line: number, data: string | ArrayBuffer}
 *   | {kind: 'close', line: number, code: number | undefined}} ToLine */

const EXPRESS = 'voxy-line-';
/** Blocks of pictures that are copied to the page quicker than the page would take them over. */
export const MAX_EXPRESS_BLOCKS = 32;

/** @type {any} */
let policy = null;

/** The thread, for all connections that a page has one after the other. */
export class LineThread {
  /** @type {Line | null} */
  #line = null;
  #count = 0;
  #worker;
  #express;

  constructor() {
    // A channel reaches all pages of its origin, so that its name has to be this page's alone.
    const name = Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join('');
    const take = (/** @type {MessageEvent<FromLine>} */ { data }) => this.#line?.take(data);
    const express = this.#express = openExpress(name);
    if (express) express.onmessage = take;
    this.#worker = new Worker(workerUrl(), { type: 'module', name: express ? name : '' });
    this.#worker.onmessage = take;
  }

  /**
   * @param {string} url
   * @param {string[]} [protocols]
   */
  open(url, protocols = []) {
    return this.#line = new Line(++this.#count, url, protocols, (message) => this.#worker.postMessage(message));
  }

  end() {
    this.#worker.terminate();
    this.#express?.close();
  }
}

/** One connection; to Transport it looks like a WebSocket that delivers messages ready for use. */
export class Line {
  /** @type {(() => void) | null} */
  onopen = null;
  /** @type {((event: {code: number}) => void) | null} */
  onclose = null;
  /** @type {((event: {data: Message | Decoded | Error}) => void) | null} */
  onmessage = null;
  /** What came by one way before what is still coming by the other. @type {Map<number, FromLine>} */
  #early = new Map();
  #next = 0;
  #line;
  #post;

  /**
   * @param {number} line
   * @param {string} url
   * @param {string[]} protocols
   * @param {(message: ToLine) => void} post
   */
  constructor(line, url, protocols, post) {
    this.#line = line;
    this.#post = post;
    post({ kind: 'open', line, url, protocols });
  }

  /** @param {string | ArrayBuffer} data */
  send(data) {
    this.#post({ kind: 'send', line: this.#line, data });
  }

  /** @param {number} [code] */
  close(code) {
    this.#post({ kind: 'close', line: this.#line, code });
  }

  /**
   * Take what the thread delivers, in the order in which it was sent.
   * @param {FromLine} delivery
   */
  take(delivery) {
    if (delivery.line !== this.#line) return;
    this.#early.set(delivery.number, delivery);
    for (let due; (due = this.#early.get(this.#next)); this.#next++) {
      this.#early.delete(this.#next);
      this.#hand(due);
    }
  }

  /** @param {Delivery} delivery */
  #hand(delivery) {
    switch (delivery.kind) {
      case 'open': return this.onopen?.();
      case 'close': return this.onclose?.(delivery);
      case 'lost': return this.onmessage?.({ data: new PartLost(delivery.reason) });
      case 'broken': return this.onmessage?.({ data: new Error(delivery.reason) });
      case 'data': return this.onmessage?.(delivery);
    }
  }
}

/**
 * The quick way from the thread to the page, or null: a page whose browser keeps it from storing anything has none.
 * @param {string} name
 */
export function openExpress(name) {
  try {
    return name ? new BroadcastChannel(EXPRESS + name) : null;
  } catch {
    return null;
  }
}

/** The thread's own address, which the page's policy lets pass as the only script that is loaded by a name. */
function workerUrl() {
  const { href, origin } = new URL('line_worker.js', import.meta.url);
  // Browsers start no thread from another origin's file, but one of our own may import it.
  const own = origin === location.origin ? href : URL.createObjectURL(
    new Blob([`import ${JSON.stringify(href)};`], { type: 'text/javascript' }));
  const { trustedTypes } = /** @type {any} */ (globalThis);
  // A page may have a policy of a name once.
  policy ??= trustedTypes?.createPolicy('voxy-line', { createScriptURL: (/** @type {string} */ url) => url }) ?? null;
  return policy ? policy.createScriptURL(own) : own;
}
