/** ClipboardPanel: the desktop's clipboard to look at, for hands and browsers that can't copy and paste by keys. */

import { TEXT } from './text.js';

export class ClipboardPanel {
  #text;
  #said;
  #send;

  /**
   * @param {import('./stage.js').Root} page
   * @param {import('./clipboard_gate.js').ClipboardGate} clipboard
   */
  constructor(page, clipboard) {
    const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (page.getElementById(id));
    this.#text = /** @type {HTMLTextAreaElement} */ (find('clipboard-text'));
    this.#said = find('clipboard-said');
    this.#send = /** @type {HTMLButtonElement} */ (find('clipboard-send'));
    find('clipboard').addEventListener('open', () => clipboard.call((content) => this.#show(content)));
    this.#text.addEventListener('input', () => this.#say(''));
    this.#send.addEventListener('click', async () => {
      this.#say(await clipboard.put(this.#text.value) ? TEXT.clipboardSent : TEXT.clipboardOff);
    });
    find('clipboard-copy').addEventListener('click', async () => {
      this.#say(await clipboard.part?.copy(this.#text.value) ? TEXT.clipboardCopied : TEXT.clipboardFailed);
    });
  }

  /** @param {import('./clipboard.js').Clipboard} content */
  #show({ latest, takes }) {
    this.#text.value = latest;
    this.#send.disabled = !takes;
    this.#say(takes || latest ? '' : TEXT.clipboardOff);
  }

  /** @param {string} words */
  #say(words) {
    this.#said.textContent = words;
  }
}
