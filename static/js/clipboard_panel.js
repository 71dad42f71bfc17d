/** ClipboardPanel: the desktop's clipboard to look at, for hands and browsers that can't copy and paste by keys. */

import { TEXT } from './text.js';

/** @typedef {Pick<import('./clipboard.js').Clipboard, 'latest' | 'takes' | 'put' | 'copy'>} Content */

export class ClipboardPanel {
  #text;
  #said;
  #send;
  #copy;
  #clipboard;

  /**
   * @param {import('./stage.js').Root} page
   * @param {Content} clipboard
   */
  constructor(page, clipboard) {
    const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (page.getElementById(id));
    this.#clipboard = clipboard;
    this.#text = /** @type {HTMLTextAreaElement} */ (find('clipboard-text'));
    this.#said = find('clipboard-said');
    this.#send = /** @type {HTMLButtonElement} */ (find('clipboard-send'));
    this.#copy = /** @type {HTMLButtonElement} */ (find('clipboard-copy'));
    find('clipboard').addEventListener('open', () => this.#show());
    this.#text.addEventListener('input', () => this.#say(''));
    this.#send.addEventListener('click', () => {
      this.#say(clipboard.put(this.#text.value) ? TEXT.clipboardSent : TEXT.clipboardOff);
    });
    this.#copy.addEventListener('click', async () => {
      this.#say(await clipboard.copy(this.#text.value) ? TEXT.clipboardCopied : TEXT.clipboardFailed);
    });
  }

  #show() {
    this.#text.value = this.#clipboard.latest;
    this.#send.disabled = !this.#clipboard.takes;
    this.#say(this.#clipboard.takes || this.#clipboard.latest ? '' : TEXT.clipboardOff);
  }

  /** @param {string} words */
  #say(words) {
    this.#said.textContent = words;
  }
}
