/**
 * ClipboardGate: before the clipboard, which is fetched when somebody is about to copy or paste, or has done so on the
 * desktop. What is done meanwhile waits, in its order: the keys behind a paste too.
 */

import { Offstage } from './offstage.js';

/**
 * How long after a key or a click that copies to look for what came. WebKit lets a page write within the event, and in
 * timers that were set in it for up to a second.
 */
export const ECHOES_MS = [30, 80, 160, 320, 640, 950];

/** @typedef {import('./clipboard.js').Clipboard} Clipboard */
/** @typedef {import('./clipboard.js').Chord} Chord */
/** @typedef {import('./clips.js').Clip} Clip */
/** @typedef {import('./input/keyboard.js').KeyMessage} KeyMessage */

export class ClipboardGate {
  /** @type {Offstage<Clipboard>} */
  #clipboard;
  #send;
  #expectPaste;
  /** @type {import('./wire.js').Clipboard} */
  #limits = { type: 'clipboard', takes: 0, gives: 0 };
  /** Whether keys wait for the clipboard. */
  #isAwaited = false;

  /**
   * @param {() => Promise<Clipboard>} fetch
   * @param {(message: KeyMessage) => void} send
   * @param {() => void} expectPaste have the browser's next paste go to this page
   * @param {(error: unknown) => void} onLost
   */
  constructor(fetch, send, expectPaste, onLost) {
    this.#send = send;
    this.#expectPaste = expectPaste;
    this.#clipboard = new Offstage(async () => {
      const clipboard = await fetch();
      clipboard.limit(this.#limits);
      return clipboard;
    }, (error) => {
      this.#isAwaited = false;
      onLost(error);
    });
  }

  /** The clipboard, where it is there. */
  get part() {
    return this.#clipboard.part;
  }

  get takes() {
    return this.#limits.takes;
  }

  /** @param {(clipboard: Clipboard) => void} action for which it is fetched */
  call(action) {
    this.#clipboard.call(action);
  }

  /**
   * @param {EventTarget} target where keys and pastes arrive
   * @param {AbortSignal} signal
   * @param {(event: Event) => boolean} accepts whether an event is for the desktop and not for the page
   */
  listen(target, signal, accepts) {
    target.addEventListener('paste', (event) => {
      if (!accepts(event)) return;
      event.preventDefault();
      const clip = pastedIn(/** @type {ClipboardEvent} */ (event).clipboardData);
      this.call((clipboard) => clipboard.paste(clip));
    }, { capture: true });
    for (const type of ['keydown', 'keyup', 'pointerdown', 'pointerup']) {
      target.addEventListener(type, (event) => this.#feel(event), { capture: true });
    }
    window.addEventListener('blur', () => this.part?.leave(), { signal });
    window.addEventListener('focus', () => this.takes && this.call((clipboard) => clipboard.look()), { signal });
  }

  /** @param {import('./wire.js').Clipboard} limits */
  limit(limits) {
    this.#limits = limits;
    this.part?.limit(limits);
  }

  /** The connection is gone. */
  forget() {
    this.#limits = { type: 'clipboard', takes: 0, gives: 0 };
    this.part?.forget();
  }

  /**
   * Have the desktop paste this text from now on; whether it may.
   * @param {string} text
   * @returns {Promise<boolean>}
   */
  put(text) {
    return new Promise((resolve) => this.call((clipboard) => resolve(clipboard.put(text))));
  }

  /**
   * Whether the browser is to paste: then what is typed from now on waits until it has.
   * @param {Chord} event
   */
  begin(event) {
    if (this.part) return this.part.begin(event);
    if (!this.takes || event.repeat || !isPaste(event)) return false;
    this.#expectPaste();
    this.#isAwaited = true;
    this.call((clipboard) => clipboard.begin(event));
    return true;
  }

  /**
   * Send a key, in its turn.
   * @param {KeyMessage} message
   */
  pass(message) {
    const send = () => this.#send(message);
    if (this.part || this.#isAwaited) this.#clipboard.call((clipboard) => clipboard.pass(message), send);
    else send();
  }

  /** @param {Event} event that may be the beginning of a copy or a paste, and lets pages write in some browsers */
  #feel(event) {
    if (this.part) return this.part.gesture(event);
    const { key, ctrlKey, metaKey } = /** @type {Partial<KeyboardEvent>} */ (event);
    const isKey = ctrlKey || metaKey || key === 'Control' || key === 'Meta';
    if (isKey) this.call(() => {});
    if (isKey || event.type === 'pointerup') for (const ms of ECHOES_MS) setTimeout(() => this.part?.write(), ms);
  }
}

/**
 * What a paste brings; an image only where there is no text, which it would be a picture of.
 * @param {DataTransfer | null} data
 * @returns {Clip}
 */
export function pastedIn(data) {
  const text = data?.getData('text/plain') || null, html = data?.getData('text/html') || null;
  const png = text ? null : [...data?.files ?? []].find(({ type }) => type === 'image/png') ?? null;
  return { text, html, png };
}

/**
 * Control or Command and V, with Shift in terminals, or Shift and Insert. The V by its name, or by its place where
 * the layout has no Latin letters.
 * @param {Chord} event
 */
export function isPaste({ key, code, ctrlKey, metaKey, altKey, shiftKey }) {
  if (altKey) return false;
  if (key === 'Insert') return shiftKey && !ctrlKey && !metaKey;
  return ctrlKey !== metaKey && isLetter('v', key, code);
}

/**
 * @param {string} letter
 * @param {string} key
 * @param {string} code
 */
export function isLetter(letter, key, code) {
  return /^[a-z]$/i.test(key) ? key.toLowerCase() === letter : code === `Key${letter.toUpperCase()}`;
}
