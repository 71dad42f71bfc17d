/** The line's thread: the WebSocket, and the decoding of what it brings. `line.js` says why it is a thread of its own. */

import { Decoder } from './decoder.js';
import { MAX_EXPRESS_BLOCKS, openExpress } from './line.js';
import { PartLost } from './malformed.js';
import { BLOCK } from './update.js';
import { parse } from './wire.js';

/** @typedef {import('./decoder.js').Decoded} Decoded */
/** @typedef {import('./line.js').FromLine} FromLine */
/** @typedef {import('./line.js').ToLine} ToLine */

class LineWorker {
  #express = openExpress(self.name);
  /** @type {WebSocket | null} */
  #socket = null;
  #line = 0;
  #count = 0;
  #decoder = new Decoder(
    (decoded) => this.#deliver({ kind: 'data', data: decoded }, decoded.bitmaps),
    (error) => this.#deliver({ kind: error instanceof PartLost ? 'lost' : 'broken', reason: String(error) }),
  );

  /** @param {ToLine} message */
  take(message) {
    if (message.kind === 'open') return this.#open(message.line, message.url, message.protocols);
    if (message.line !== this.#line) return undefined;
    return message.kind === 'send' ? this.#socket?.send(message.data) : this.#close(message.code);
  }

  /**
   * @param {number} line
   * @param {string} url
   * @param {string[]} protocols
   */
  #open(line, url, protocols) {
    this.#close();
    this.#line = line;
    this.#count = 0;
    const opened = this.#socket = new WebSocket(url, protocols);
    opened.binaryType = 'arraybuffer';
    opened.onopen = () => this.#deliver({ kind: 'open' });
    opened.onclose = ({ code }) => this.#deliver({ kind: 'close', code });
    opened.onmessage = ({ data }) => this.#receive(data);
  }

  /** @param {number} [code] */
  #close(code) {
    this.#decoder.reset();
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onclose = this.#socket.onmessage = null;
    this.#socket.close(code);
    this.#socket = null;
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    try {
      const message = parse(data);
      if (message.type === 'update') this.#decoder.take(message);
      else this.#deliver({ kind: 'data', data: message });
    } catch (error) {
      this.#deliver({ kind: 'broken', reason: String(error) });
    }
  }

  /**
   * Small pictures and words go by the express way; big pictures are handed over, which is quicker than a copy.
   * @param {import('./line.js').Delivery} delivery
   * @param {(ImageBitmap | null)[]} [bitmaps]
   */
  #deliver(delivery, bitmaps = []) {
    /** @type {FromLine} */
    const message = { ...delivery, line: this.#line, number: this.#count++ };
    const images = bitmaps.filter((bitmap) => bitmap !== null);
    const blocks = images.reduce((sum, { width, height }) => sum + width * height / BLOCK ** 2, 0);
    if (blocks > MAX_EXPRESS_BLOCKS || !this.#sendExpress(message)) return postMessage(message, { transfer: images });
    for (const image of images) image.close();
  }

  /** @param {FromLine} message */
  #sendExpress(message) {
    try {
      this.#express?.postMessage(message);
    } catch {
      // This browser doesn't copy pictures from one thread to another.
      this.#express = null;
    }
    return this.#express !== null;
  }
}

const worker = new LineWorker();
onmessage = (/** @type {MessageEvent<ToLine>} */ { data }) => worker.take(data);
