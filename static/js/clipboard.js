/**
 * Clipboard: what is pasted goes before the key that pastes it, and what is copied on the desktop comes here.
 *
 * Of the two clipboards nobody says which is the newer. The local one is taken to be when it holds something else than
 * was seen there last; where the desktop's hasn't come to the local one, it is the newer until the person goes elsewhere.
 */

import { ECHOES_MS, isLetter, isPaste } from './clipboard_gate.js';
import { ClipReceiver, ClipSender } from './clips.js';

export { LocalClipboard } from './local_clipboard.js';

/** How long a key waits for what the browser pastes; most say it within 20 ms, a busy machine's not within 150. */
const PASTE_MS = 500;
const MODIFIERS = new Set(['Shift', 'Control', 'Alt', 'Meta', 'AltGraph']);

/** @typedef {import('./clips.js').Clip} Clip */
/** What was seen; its HTML is undefined where any will do, since programs and browsers clean that up.
 * @typedef {{text: string | null, html: string | null | undefined}} Seen */
/** @typedef {import('./wire.js').ToServer} ToServer */
/** @typedef {import('./input/keyboard.js').KeyMessage} KeyMessage */
/** @typedef {import('./wire.js').Clip | import('./wire.js').ClipChunk} ClipMessage */
/** @typedef {Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey' | 'repeat'>} Chord */
/** @typedef {Pick<import('./local_clipboard.js').LocalClipboard, 'expectPaste' | 'write' | 'read'>} Local */

export class Clipboard {
  #local;
  #send;
  #onPasted;
  #onText;
  #sender;
  #receiver;
  #takes = 0;
  #latest = '';
  /** Keys that wait for what the browser pastes. @type {KeyMessage[] | null} */
  #waiting = null;
  /** The key that pastes. */
  #pasteCode = '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** What the local clipboard held last, as far as is known. @type {Seen | null} */
  #seen = null;
  /** What was pasted last, until the person goes elsewhere. @type {Seen | null} */
  #pasted = null;
  /** Whether the desktop has something newer than the local clipboard. */
  #isBehind = false;
  /** Whether the last key that went down copies. */
  #isCopying = false;
  /** What was copied on the desktop and couldn't be written yet. @type {Clip | null} */
  #pending = null;
  #isWriting = false;

  /**
   * @param {Local} local
   * @param {(message: ToServer) => void} send
   * @param {() => void} onPasted the browser needs its field no more
   * @param {(text: string) => void} [onText] another was copied on the desktop
   */
  constructor(local, send, onPasted, onText = () => {}) {
    this.#local = local;
    this.#send = send;
    this.#onPasted = onPasted;
    this.#onText = onText;
    this.#sender = new ClipSender(send);
    this.#receiver = new ClipReceiver(send);
  }

  /** @param {import('./wire.js').Clipboard} limits */
  limit({ takes }) {
    this.#takes = takes;
  }

  /** The connection is gone. */
  forget() {
    clearTimeout(this.#timer);
    this.#takes = 0;
    this.#waiting = null;
    this.#pending = null;
    this.lose();
    this.#sender.forget();
  }

  /** The desktop has no longer what was pasted, or copied there. */
  lose() {
    this.#seen = this.#pasted = null;
  }

  /** Bytes that the desktop takes; 0 where it takes nothing. */
  get takes() {
    return this.#takes;
  }

  /** The text that was copied on the desktop last. */
  get latest() {
    return this.#latest;
  }

  // To the desktop

  /**
   * Have the desktop paste this text from now on; whether it may.
   * @param {string} text
   */
  put(text) {
    return this.#takes > 0 && this.#offer({ text, html: null, png: null });
  }

  /**
   * Whether the browser is to paste: then what is typed from now on waits until it has.
   * @param {Chord} event
   */
  begin(event) {
    if (!this.#takes || event.repeat || this.#waiting || !isPaste(event)) return false;
    this.#waiting = [];
    this.#pasteCode = event.code;
    this.#timer = setTimeout(() => this.#letGo(), PASTE_MS);
    this.#local.expectPaste();
    return true;
  }

  /**
   * Send a key, in its turn.
   * @param {KeyMessage} message
   */
  pass(message) {
    if (this.#waiting) this.#waiting.push(message);
    else this.#send(message);
  }

  /**
   * The browser pastes.
   * @param {Clip} clip
   */
  paste(clip) {
    const isRefused = this.#takes > 0 && !this.#isBehind && !this.#offer(clip);
    // Rather than what was copied before, nothing is pasted.
    if (isRefused) this.#waiting = this.#waiting?.filter((key) => key.type !== 'key' || key.code !== this.#pasteCode) ?? null;
    this.#letGo();
  }

  /**
   * Have the desktop paste this, unless it has it; whether it may.
   * @param {Clip} clip
   */
  #offer(clip) {
    if (isEmpty(clip) || isSame(clip, this.#seen)) return true;
    const isTaken = this.#sender.send(clip, this.#takes);
    if (isTaken) {
      this.#seen = clip;
      this.#pasted = { ...clip, html: undefined };
    }
    return isTaken;
  }

  #letGo() {
    clearTimeout(this.#timer);
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    this.#onPasted();
    for (const message of waiting) this.#send(message);
  }

  /** Where the page may read without asking, the desktop pastes by its menus too what was copied elsewhere. */
  async look() {
    if (!this.#takes) return;
    const clip = await this.#local.read();
    // Nobody has asked for anything, so nobody is told what is too large.
    const { size } = new Blob([clip.text ?? '', clip.html ?? '']);
    if (!this.#isBehind && !clip.png && size <= this.#takes) this.#offer(clip);
  }

  /** @param {import('./wire.js').ClipAck} ack */
  acked(ack) {
    this.#sender.acked(ack);
  }

  // From the desktop

  /** @param {ClipMessage} message */
  take(message) {
    const clip = this.#receiver.take(message);
    const text = clip?.text ?? this.#latest;
    if (text !== this.#latest) this.#onText(text);
    this.#latest = text;
    // A program that keeps what others copy gives back what was pasted.
    if (!clip || isSame(clip, this.#pasted)) return;
    this.#pasted = null;
    this.#isBehind = true;
    this.#pending = isEmpty(clip) ? null : clip;
    this.write();
  }

  /**
   * Write this text where it was asked for by hand; whether the browser let it be.
   * @param {string} text
   */
  copy(text) {
    return this.#local.write({ text, html: null, png: null });
  }

  /**
   * Something was done by hand, upon which browsers let pages write: what waits, or what comes of it.
   * @param {Event} event
   */
  gesture(event) {
    if (event.type === 'keydown') {
      const key = /** @type {KeyboardEvent} */ (event);
      this.#isCopying = isCopy(key);
      // A modifier may be the beginning of a paste.
      if (MODIFIERS.has(key.key) || isPaste(key)) return;
    }
    this.write();
    if (!this.#isCopying && event.type !== 'pointerup') return;
    for (const delayMs of ECHOES_MS) setTimeout(() => this.write(), delayMs);
  }

  /** The person goes elsewhere, and may copy something there. */
  leave() {
    this.#pending = this.#pasted = null;
    this.#isBehind = false;
  }

  /** Write what waits, if the browser lets it be. @returns {Promise<void>} */
  async write() {
    const clip = this.#pending;
    // One that begins makes WebKit give up the one before.
    if (!clip || this.#isWriting) return;
    this.#isWriting = true;
    const isWritten = await this.#local.write(clip);
    this.#isWriting = false;
    if (this.#pending !== clip) return this.write();
    if (!isWritten) return;
    this.#pending = null;
    this.#isBehind = false;
    this.#seen = { ...clip, html: undefined };
  }
}

/** @param {Clip} clip */
function isEmpty({ text, html, png }) {
  return text === null && html === null && png === null;
}

/**
 * Whether a clip is what was seen: by its text, and its HTML where that is known. Images can't be compared in time.
 * @param {Clip} clip
 * @param {Seen | null} seen
 */
function isSame({ text, html }, seen) {
  if (!seen || text === null || seen.text === null) return false;
  if (seen.html !== undefined && seen.html !== html) return false;
  return text.replaceAll('\r\n', '\n') === seen.text.replaceAll('\r\n', '\n');
}

/**
 * Control or Command and C or X, with Shift in terminals, or Control and Insert.
 * @param {Chord} event
 */
function isCopy({ key, code, ctrlKey, metaKey, altKey }) {
  return ctrlKey !== metaKey && !altKey && (key === 'Insert' || isLetter('c', key, code) || isLetter('x', key, code));
}
