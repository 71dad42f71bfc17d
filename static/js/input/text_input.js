/**
 * TextInput: text that no key names, such as input methods, dictation, emoji panels and on-screen keyboards bring. A
 * field that nobody sees always has the focus, so that there is no mode to switch to.
 */

import { adoptStyle } from '../markup.js';
import { Caret } from './caret.js';

/** What deletes, and by which keys the desktop does that. @type {Record<string, string[]>} */
const DELETIONS = {
  deleteContentBackward: ['Backspace'],
  deleteContentForward: ['Delete'],
  deleteWordBackward: ['Control', 'Backspace'],
  deleteWordForward: ['Control', 'Delete'],
};
const LINE_BREAKS = new Set(['insertLineBreak', 'insertParagraph']);
/** Told by the composition itself. */
const OF_COMPOSITION = new Set(['insertCompositionText', 'insertFromComposition', 'deleteCompositionText']);
/** What touch keyboards find to delete: in an empty field they say nothing. */
const FILLING = '\u00a0\u00a0';
/** Legacy keyCode of a key that an input method has taken. */
const TAKEN = 229;
/** CSS pixels that the field keeps from the window's right and lower edge. */
const LEAST_WIDTH = 160, LEAST_HEIGHT = 28;

/** @typedef {{x: number, y: number}} Place in CSS pixels of the window */
/** @typedef {{type(text: string): void, tap(...keys: string[]): void}} Keys */
/** @typedef {Pick<HTMLTextAreaElement, 'value' | 'style' | 'dataset' | 'inputMode' | 'focus' | 'blur' | 'matches'>} Field */

export class TextInput {
  caret = new Caret();
  /** @type {() => Place} */
  #whereabouts = () => ({ x: 0, y: 0 });
  #isComposing = false;
  /** Whether the last key came from a touch keyboard, which composes all words. */
  #isTouchKeyboard = false;
  /** What the composition has already written on the desktop. */
  #written = '';
  #field;
  #keys;
  #hasTouch;

  /**
   * @param {Field} field
   * @param {Keys} keys
   * @param {boolean} hasTouch whether focusing a field opens a keyboard on the screen
   */
  constructor(field, keys, hasTouch = matchMedia('(pointer: coarse)').matches) {
    this.#field = field;
    this.#keys = keys;
    this.#hasTouch = hasTouch;
    this.show(false);
    this.#clear();
  }

  /** @param {HTMLElement} field */
  listen(field) {
    field.addEventListener('keydown', (event) => this.keydown(event));
    field.addEventListener('input', (event) => this.input(/** @type {InputEvent} */ (event)));
    field.addEventListener('compositionstart', () => this.begin());
    field.addEventListener('compositionstart', () => adoptStyle(rootOf(field), 'writing.css').catch(() => {
      // What is composed isn't seen beside the field then; it arrives all the same.
    }), { once: true });
    field.addEventListener('compositionupdate', (event) => this.update(event.data));
    field.addEventListener('compositionend', (event) => this.end(event.data));
    // What is dropped here is no text to type.
    field.addEventListener('drop', (event) => event.preventDefault());
  }

  get isComposing() {
    return this.#isComposing;
  }

  /** Whether the keyboard on the screen is wanted. */
  get isShown() {
    return this.#field.inputMode !== 'none';
  }

  /** @param {boolean} isWanted whether a keyboard on the screen is */
  show(isWanted) {
    const mode = isWanted || !this.#hasTouch ? 'text' : 'none';
    if (mode === this.#field.inputMode) return;
    this.#field.inputMode = mode;
    // Only a field that gets the focus opens a keyboard, or closes it.
    if (!this.#field.matches(':focus')) return;
    this.#field.blur();
    this.focus();
  }

  /** @param {() => Place} whereabouts tells where the person works, when that is asked for */
  locate(whereabouts) {
    this.#whereabouts = whereabouts;
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  /** @param {{keyCode: number, code: string}} event */
  keydown({ keyCode, code }) {
    this.#isTouchKeyboard = keyCode === TAKEN && !code;
  }

  /** @param {{inputType: string, data: string | null}} event */
  input({ inputType, data }) {
    if (this.#isComposing) return;
    const keys = LINE_BREAKS.has(inputType) ? ['Enter'] : DELETIONS[inputType];
    if (keys) this.#keys.tap(...keys);
    else if (data && !OF_COMPOSITION.has(inputType)) this.#keys.type(data);
    this.#clear();
  }

  begin() {
    this.#isComposing = true;
    this.#written = '';
    if (this.#isTouchKeyboard) return;
    // Input methods show what there is to choose from beside the field, and the field what is being composed.
    const { x, y } = this.#whereabouts();
    this.#field.style.left = `${Math.max(0, Math.min(x, innerWidth - LEAST_WIDTH))}px`;
    this.#field.style.top = `${Math.max(0, Math.min(y, innerHeight - LEAST_HEIGHT))}px`;
    this.#field.dataset.composing = '';
  }

  /** @param {string} text */
  update(text) {
    if (this.#isTouchKeyboard) this.#write(text);
    else this.#field.style.width = `${2 + text.length}em`;
  }

  /** @param {string} text */
  end(text) {
    this.#isComposing = false;
    this.#write(text);
    delete this.#field.dataset.composing;
    this.#field.style.width = '';
    this.#clear();
  }

  /**
   * Have the desktop show this for what was composed so far.
   * @param {string} text
   */
  #write(text) {
    const before = [...this.#written], after = [...text];
    let same = 0;
    while (same < before.length && before[same] === after[same]) same += 1;
    for (let count = before.length; count > same; count -= 1) this.#keys.tap('Backspace');
    if (after.length > same) this.#keys.type(after.slice(same).join(''));
    this.#written = text;
  }

  #clear() {
    this.#field.value = this.#hasTouch ? FILLING : '';
  }
}

/** @param {HTMLElement} field */
function rootOf(field) {
  return /** @type {import('../stage.js').Root} */ (field.getRootNode());
}
