/** Menu: what the page itself can do, behind a button that shows when the pointer rests at the window's upper edge. */

import { TEXT } from './text.js';

/** CSS pixels of the edge: a mouse can be moved onto the very edge, a finger can't. */
const EDGE = { mouse: 2, finger: 24 };
const REST_MS = 350;
/** CSS pixels below the edge within which the button stays, and how long it does beyond. */
const NEAR = 96, LEAVE_MS = 600;

/** @typedef {Pick<PointerEvent, 'clientY' | 'pointerType' | 'buttons' | 'type'>} Motion */

export class Menu {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isWanted = false;
  #root;
  #button;
  #items;
  #statistics;
  #onLeave;

  /**
   * @param {Document} page
   * @param {{statistics: () => void}} actions
   * @param {() => void} onLeave the keyboard goes back to where it was
   */
  constructor(page, actions, onLeave) {
    const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (page.getElementById(id));
    this.#root = find('menu');
    this.#button = find('menu-button');
    this.#items = find('menu-items');
    this.#statistics = find('menu-statistics');
    this.#onLeave = onLeave;
    this.#button.setAttribute('aria-label', TEXT.menu);
    find('menu-statistics-name').textContent = TEXT.statistics;
    find('menu-statistics-keys').textContent = TEXT.statisticsKeys;
    this.#button.addEventListener('click', () => this.#open(Boolean(this.#items.hidden)));
    this.#statistics.addEventListener('click', () => {
      this.#leave();
      actions.statistics();
    });
    this.#root.addEventListener('keydown', (event) => this.#key(event));
    this.#root.addEventListener('focusout', ({ relatedTarget }) => {
      if (!(relatedTarget instanceof Node && this.#root.contains(relatedTarget))) this.#open(false);
    });
  }

  /** @param {EventTarget} target the window */
  listen(target) {
    for (const type of ['pointermove', 'pointerdown', 'pointerup']) {
      target.addEventListener(type, (event) => this.move(/** @type {PointerEvent} */ (event)), { passive: true });
    }
  }

  /** @param {boolean} isOn whether the statistics are shown */
  check(isOn) {
    this.#statistics.setAttribute('aria-checked', String(isOn));
  }

  /** @param {Motion} event */
  move({ clientY, pointerType, buttons, type }) {
    const isMouse = pointerType === 'mouse';
    const isShown = this.#root.dataset.shown !== undefined;
    const isUp = !isMouse && type === 'pointerup';
    // The finger that brought the button has to be lifted to press it.
    if (isUp && isShown) return;
    // A mouse that drags is at work in the desktop.
    const isIdle = isMouse ? buttons === 0 : !isUp;
    this.#want(isIdle && clientY <= (isShown ? NEAR : EDGE[isMouse ? 'mouse' : 'finger']));
  }

  /** @param {boolean} isWanted */
  #want(isWanted) {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#root.toggleAttribute('data-shown', isWanted), isWanted ? REST_MS : LEAVE_MS);
  }

  /** @param {boolean} isOpen */
  #open(isOpen) {
    this.#items.hidden = !isOpen;
    this.#button.setAttribute('aria-expanded', String(isOpen));
    if (isOpen) this.#statistics.focus();
  }

  #leave() {
    this.#open(false);
    this.#onLeave();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    if (this.#items.hidden) return this.#leave();
    this.#open(false);
    this.#button.focus();
  }
}
