/** Clips on their way: what is copied and pasted, in pieces between which other messages go. */

/** Bytes of one piece, and of pieces that the server hasn't acknowledged. */
const CHUNK_BYTES = 48 * 1024, WINDOW_BYTES = 256 * 1024;

/** @typedef {import('./wire.js').Clip} ClipMessage */
/** @typedef {import('./wire.js').ClipChunk} ClipChunk */
/** @typedef {import('./wire.js').ClipAck} ClipAck */
/** @typedef {import('./wire.js').Mime} Mime */
/** What was copied, in the forms in which it is to be had.
 * @typedef {{text: string | null, html: string | null, png: Blob | null}} Clip */

/** @type {Clip} */
export const NOTHING = Object.freeze({ text: null, html: null, png: null });

export class ClipSender {
  #send;
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #waiting = [];
  #inflight = 0;
  #count = 0;

  /** @param {(message: ClipMessage | ClipChunk) => void} send */
  constructor(send) {
    this.#send = send;
  }

  /**
   * Announce a clip at once, and let its content follow unless it has more than `most` bytes: the server, which then
   * wants none of it, tells the person.
   * @param {Clip} clip
   * @param {number} most
   * @returns {boolean} whether the content follows
   */
  send({ text, html, png }, most) {
    const number = ++this.#count;
    const encoder = new TextEncoder();
    const words = /** @type {[Mime, string | null][]} */ ([['text/plain', text], ['text/html', html]])
      .flatMap(([mime, part]) => part === null ? [] : [{ mime, data: encoder.encode(part) }]);
    /** @type {{mime: Mime, size: number}[]} */
    const parts = words.map(({ mime, data }) => ({ mime, size: data.length }));
    if (png) parts.push({ mime: 'image/png', size: png.size });
    this.#send({ type: 'clip', parts });
    this.#waiting = [];
    if (parts.reduce((sum, { size }) => sum + size, 0) > most) return false;
    this.#waiting = words.map(({ data }) => data).filter(({ length }) => length > 0);
    this.#flush();
    if (png) this.#follow(png, number);
    return true;
  }

  /** @param {ClipAck} ack */
  acked({ size }) {
    this.#inflight = Math.max(0, this.#inflight - size);
    this.#flush();
  }

  /** The connection is gone, and with it all that was on its way. */
  forget() {
    this.#count++;
    this.#waiting = [];
    this.#inflight = 0;
  }

  /**
   * @param {Blob} png
   * @param {number} number of the clip that it belongs to
   */
  async #follow(png, number) {
    const buffer = await png.arrayBuffer().catch(() => null);
    if (number !== this.#count) return;
    // Whoever waits for an image that can't be read must not wait on.
    if (!buffer) return this.#send({ type: 'clip', parts: [] });
    this.#waiting.push(new Uint8Array(buffer));
    this.#flush();
  }

  #flush() {
    for (let data; (data = this.#waiting[0]) && this.#inflight < WINDOW_BYTES;) {
      const piece = data.subarray(0, CHUNK_BYTES);
      this.#inflight += piece.length;
      this.#send({ type: 'clip_chunk', data: piece });
      if (piece.length === data.length) this.#waiting.shift();
      else this.#waiting[0] = data.subarray(CHUNK_BYTES);
    }
  }
}

export class ClipReceiver {
  #acknowledge;
  /** @type {{mime: Mime, size: number}[]} */
  #parts = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  #pieces = [];
  #missing = 0;

  /** @param {(ack: ClipAck) => void} acknowledge */
  constructor(acknowledge) {
    this.#acknowledge = acknowledge;
  }

  /**
   * @param {ClipMessage | ClipChunk} message
   * @returns {Clip | null} the clip, when it is complete
   */
  take(message) {
    if (message.type === 'clip') {
      this.#parts = message.parts;
      this.#pieces = [];
      this.#missing = message.parts.reduce((sum, { size }) => sum + size, 0);
    } else {
      this.#acknowledge({ type: 'clip_ack', size: message.data.length });
      this.#pieces.push(message.data);
      this.#missing -= message.data.length;
    }
    if (this.#missing < 0) throw new Error('a clip that is longer than was announced');
    return this.#missing === 0 ? this.#join() : null;
  }

  /** @returns {Clip} */
  #join() {
    const whole = new Uint8Array(this.#pieces.reduce((sum, { length }) => sum + length, 0));
    let end = 0;
    for (const piece of this.#pieces.splice(0)) {
      whole.set(piece, end);
      end += piece.length;
    }
    let start = 0;
    const found = new Map(this.#parts.map(({ mime, size }) => [mime, whole.subarray(start, start += size)]));
    const read = (/** @type {Mime} */ mime) => {
      const data = found.get(mime);
      return data ? new TextDecoder().decode(data) : null;
    };
    const png = found.get('image/png');
    return { text: read('text/plain'), html: read('text/html'), png: png ? new Blob([png], { type: 'image/png' }) : null };
  }
}
