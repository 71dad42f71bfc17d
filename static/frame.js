/**
 * DesktopFrame: a desktop's own page in a frame of yours, used by messages.
 *
 *   import { DesktopFrame } from 'https://host/base/frame.js';
 *
 * See frame.d.ts for all of it, and embedding.md for the messages.
 */

/** @typedef {{token: string} | {ticket: string} | null} Secret */

const VERSION = 1;

/** It tells the same events as the element. */
export class DesktopFrame extends EventTarget {
  #frame;
  #origin;
  #getTicket;
  #count = 0;
  /** @type {Map<number, (blob: Blob | null) => void>} */
  #asked = new Map();
  #ending = new AbortController();

  /**
   * @param {HTMLIFrameElement} frame with a `src`
   * @param {(() => Promise<string>) | null} [getTicket]
   */
  constructor(frame, getTicket = null) {
    super();
    this.#frame = frame;
    this.#origin = new URL(frame.src, document.baseURI).origin;
    this.#getTicket = getTicket;
    window.addEventListener('message', (event) => this.#take(event), { signal: this.#ending.signal });
    // It may have been ready before anybody listened.
    this.#post({ type: 'hello' });
  }

  /** @param {Secret} [secret] */
  async connect(secret) {
    this.#post({ type: 'connect', ...secret ?? (this.#getTicket && { ticket: await this.#getTicket() }) });
  }

  disconnect() {
    this.#post({ type: 'disconnect' });
  }

  /** @param {...string} keys */
  sendKeys(...keys) {
    this.#post({ type: 'keys', keys });
  }

  /** @param {string} text */
  paste(text) {
    this.#post({ type: 'paste', text });
  }

  /** @returns {Promise<Blob | null>} */
  screenshot() {
    const id = ++this.#count;
    this.#post({ type: 'screenshot', id });
    return new Promise((resolve) => this.#asked.set(id, resolve));
  }

  requestFullscreen() {
    return this.#frame.requestFullscreen();
  }

  /** Listen no more. */
  end() {
    this.#ending.abort();
  }

  /** @param {MessageEvent} event */
  #take({ source, origin, data }) {
    if (source !== this.#frame.contentWindow || origin !== this.#origin || data?.voxy !== VERSION) return;
    if (data.type === 'ready') this.connect();
    else if (data.type === 'event') this.dispatchEvent(new CustomEvent(data.name, { detail: data.detail }));
    else if (data.type === 'answer') {
      this.#asked.get(data.id)?.(data.blob);
      this.#asked.delete(data.id);
    }
  }

  /** @param {object} message */
  #post(message) {
    this.#frame.contentWindow?.postMessage({ voxy: VERSION, ...message }, this.#origin);
  }
}
