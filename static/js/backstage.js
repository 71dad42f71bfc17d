/** Backstage: the toolbar and all panels, fetched when somebody looks for them; what the server says for them is kept. */

import { adoptStyle } from './markup.js';
import { Offstage } from './offstage.js';

/** CSS pixels of the upper edge at which a mouse looks for the toolbar. */
const EDGE = 2;

/** Keys with Control, Alt and Shift that are for the page. @typedef {'M' | 'S' | 'F'} Shortcut */
/** @typedef {import('./wire.js').May | import('./wire.js').People | import('./wire.js').Control} Told */
/** @typedef {Awaited<ReturnType<typeof import('./panels.js').openPanels>>} Panels */

export class Backstage {
  #stage;
  #onLost;
  /** @type {Offstage<Panels>} */
  #panels;
  /** What was said last of each kind. @type {Map<string, Told>} */
  #told = new Map();

  /**
   * @param {import('./stage.js').Stage} stage
   * @param {() => Promise<Panels>} open
   * @param {(error: unknown) => void} onLost
   */
  constructor(stage, open, onLost) {
    this.#stage = stage;
    this.#onLost = onLost;
    this.#panels = new Offstage(async () => {
      const panels = await open();
      for (const told of this.#told.values()) panels.controls.take(told);
      return panels;
    }, onLost);
  }

  /** The panels, where they are there. */
  get panels() {
    return this.#panels.part;
  }

  /** @param {(panels: Panels) => void} action for which they are fetched */
  call(action) {
    this.#panels.call(action);
  }

  get #hasToolbar() {
    return this.#stage.options.toolbar !== false;
  }

  listen() {
    const { root, target } = this.#stage;
    const controls = /** @type {HTMLElement} */ (root.getElementById('controls'));
    controls.hidden = !this.#hasToolbar;
    if (controls.hidden) return;
    if (matchMedia('(pointer: coarse)').matches) adoptStyle(root, 'grip.css').catch(this.#onLost);
    controls.addEventListener('click', () => this.panels ?? this.call(({ controls }) => controls.show()));
    target.addEventListener('pointermove', (event) => this.#look(/** @type {PointerEvent} */ (event)), { passive: true });
  }

  /** @param {Shortcut} key */
  press(key) {
    if (this.#hasToolbar || key === 'F') this.call(({ controls }) => controls.press(key));
  }

  /** @param {Told} told */
  take(told) {
    this.#told.set(told.type, told);
    if (this.panels || (this.#hasToolbar && isRequest(told))) this.call(({ controls }) => controls.take(told));
  }

  /** @param {PointerEvent} event */
  #look(event) {
    const isAtEdge = event.clientY - this.#stage.corner.y <= EDGE;
    if (!this.panels && isAtEdge && event.pointerType === 'mouse' && !event.buttons) {
      this.call(({ controls }) => controls.move(event));
    }
  }
}

/**
 * Whether somebody asks for control: it may be for us to give.
 * @param {Told} told
 */
function isRequest(told) {
  return told.type === 'control' && told.people.some(({ asks }) => asks);
}

/**
 * The page's own key that an event is: with Control, Alt and Shift, by its name, or by its place where the layout has no
 * Latin letters or Alt makes others of them. AltGr types letters.
 * @param {KeyboardEvent} event
 * @returns {Shortcut | null}
 */
export function shortcutOf(event) {
  const { key, code, ctrlKey, altKey, shiftKey } = event;
  if (!ctrlKey || !altKey || !shiftKey || event.getModifierState('AltGraph')) return null;
  const letter = /^[a-z]$/i.test(key) ? key.toUpperCase() : code.replace(/^Key/, '');
  return letter === 'M' || letter === 'S' || letter === 'F' ? letter : null;
}
