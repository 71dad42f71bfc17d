/** KeyPanel: keys that a keyboard lacks, and chords that browsers keep to themselves. */

import { TEXT } from './text.js';

const HELD = ['Control', 'Alt', 'Shift', 'Meta'];
const SINGLE = [
  'Escape', 'Tab', 'ArrowLeft', 'ArrowUp', 'ArrowDown', 'ArrowRight', 'Home', 'End', 'PageUp', 'PageDown', 'Insert',
  'Delete', ...Array.from({ length: 12 }, (_, index) => `F${index + 1}`),
];
const CHORDS = [
  ['Control', 'Alt', 'Delete'], ['Alt', 'Tab'], ['Alt', 'F4'], ['Control', 'w'], ['Control', 't'], ['Control', 'n'],
  ['Control', 'Tab'], ['PrintScreen'],
];

/** @typedef {Pick<import('./input/keyboard.js').Keyboard, 'tap' | 'latch' | 'latched' | 'onlatch'>} Keys */

export class KeyPanel {
  #keys;

  /**
   * @param {import('./stage.js').Root} page
   * @param {Keys} keys
   */
  constructor(page, keys) {
    this.#keys = keys;
    const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (page.getElementById(id));
    const held = HELD.map((key) => ({ key, button: this.#button([key], () => keys.latch(key)) }));
    for (const { button } of held) button.setAttribute('aria-pressed', 'false');
    find('held-keys').append(...held.map(({ button }) => button));
    find('single-keys').append(...SINGLE.map((key) => this.#button([key])));
    find('chords').append(...CHORDS.map((chord) => this.#button(chord)));
    keys.onlatch = () => {
      for (const { key, button } of held) button.setAttribute('aria-pressed', String(keys.latched.has(key)));
    };
  }

  /**
   * @param {string[]} chord
   * @param {() => void} [press]
   */
  #button(chord, press = () => this.#keys.tap(...chord)) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = chord.map(capOf).join(' ');
    button.addEventListener('click', press);
    return button;
  }
}

/** @param {string} key */
function capOf(key) {
  return /** @type {Record<string, string>} */ (TEXT.caps)[key] ?? key.toUpperCase();
}
