/**
 * Writing: the field that nobody sees and that always has the focus, so that there is no mode to switch to. What makes
 * keys of text that no key names is fetched with the first such text, or with the keyboard on the screen.
 */

import { Offstage } from '../offstage.js';

/** Legacy keyCode of a key that an input method has taken. */
const TAKEN = 229;

/** @typedef {import('./text_input.js').TextInput} TextInput */

export class Writing {
  #field;
  /** @type {Offstage<TextInput>} */
  #input;
  /** @type {() => import('./text_input.js').Place} */
  #whereabouts = () => ({ x: 0, y: 0 });

  /**
   * @param {HTMLTextAreaElement} field
   * @param {import('./text_input.js').Keys} keys
   * @param {(error: unknown) => void} onLost
   */
  constructor(field, keys, onLost) {
    const hasTouch = matchMedia('(pointer: coarse)').matches;
    this.#field = field;
    this.#input = new Offstage(async () => {
      const { openTextInput } = await import('./text_input.js');
      return openTextInput(field, keys, () => this.#whereabouts(), hasTouch);
    }, onLost);
    // There focusing a field would open a keyboard on the screen.
    if (!hasTouch) field.inputMode = 'text';
  }

  listen() {
    for (const type of ['keydown', 'input', 'compositionstart', 'compositionupdate', 'compositionend']) {
      this.#field.addEventListener(type, (event) => this.#hear(event));
    }
    // What is dropped here is no text to type.
    this.#field.addEventListener('drop', (event) => event.preventDefault());
  }

  /** What makes keys of text, where it is there. */
  get input() {
    return this.#input.part;
  }

  /** @param {() => import('./text_input.js').Place} whereabouts tells where the person works, when that is asked for */
  locate(whereabouts) {
    this.#whereabouts = whereabouts;
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  /** @param {(input: TextInput) => void} action */
  call(action) {
    this.#input.call(action);
  }

  /** @param {Event} event */
  #hear(event) {
    const isOrdinary = event.type === 'keydown' && /** @type {KeyboardEvent} */ (event).keyCode !== TAKEN;
    if (!isOrdinary || this.input) this.call((input) => input.hear(event));
  }
}
