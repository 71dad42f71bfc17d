/**
 * Toolbar: what the page itself can do. It hides itself, and shows when the pointer rests at the window's upper edge,
 * when its grip is touched, or by keys.
 */

/** CSS pixels of the edge that a mouse can be moved onto. */
const EDGE = 2;
const REST_MS = 350;
/** CSS pixels below the edge within which it stays, and how long it does beyond. */
const NEAR = 110, LEAVE_MS = 600;

/** @typedef {Pick<PointerEvent, 'clientY' | 'pointerType' | 'buttons'>} Motion */

export class Toolbar {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isWanted = false;
  /** The button whose popup is open. @type {HTMLElement | null} */
  #opener = null;
  #page;
  #root;
  #bar;
  #grip;
  #onLeave;
  #corner = () => ({ x: 0, y: 0 });

  /**
   * @param {import('./stage.js').Root} page
   * @param {() => void} onLeave the keyboard goes back to the desktop
   */
  constructor(page, onLeave) {
    const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (page.getElementById(id));
    this.#page = page;
    this.#root = find('controls');
    this.#bar = find('toolbar');
    this.#grip = find('grip');
    this.#onLeave = onLeave;
    this.#grip.addEventListener('click', () => (this.isShown ? this.close() : this.show()));
    this.#bar.addEventListener('click', (event) => this.#click(event));
    this.#root.addEventListener('keydown', (event) => this.#key(event));
    this.#root.addEventListener('focusin', () => this.show());
    // A press of the pointer leaves the keyboard to the desktop, and what is shown of one on the screen where it is.
    this.#root.addEventListener('mousedown', (event) => !isField(event) && event.preventDefault());
    this.#root.addEventListener('click', (event) => !isField(event) && event.detail > 0 && this.#onLeave());
  }

  /**
   * @param {EventTarget} target
   * @param {() => {x: number, y: number}} [corner] of the stage in the window
   */
  listen(target, corner = () => ({ x: 0, y: 0 })) {
    this.#corner = corner;
    target.addEventListener('pointermove', (event) => this.move(/** @type {PointerEvent} */ (event)), { passive: true });
  }

  get isShown() {
    return this.#root.dataset.shown !== undefined;
  }

  /** @param {Motion} event */
  move({ clientY, pointerType, buttons }) {
    if (pointerType !== 'mouse' || this.#opener || this.#root.contains(this.#page.activeElement)) return;
    // A mouse that drags is at work in the desktop.
    this.#want(buttons === 0 && clientY - this.#corner().y <= (this.isShown ? NEAR : EDGE));
  }

  show() {
    clearTimeout(this.#timer);
    this.#isWanted = true;
    this.#root.dataset.shown = '';
    this.#grip.setAttribute('aria-expanded', 'true');
  }

  /** Show it and take the keyboard there. */
  enter() {
    this.show();
    this.#buttons[0]?.focus();
  }

  /** Hide it, with what it has opened. */
  close() {
    clearTimeout(this.#timer);
    this.#isWanted = false;
    this.#open(null);
    delete this.#root.dataset.shown;
    this.#grip.setAttribute('aria-expanded', 'false');
    if (this.#root.contains(this.#page.activeElement)) this.#onLeave();
  }

  /** Somebody works in the desktop: what is no help for that closes. */
  yield() {
    if (this.#opener?.dataset.opens !== 'keys') this.close();
  }

  /** @param {boolean} isWanted */
  #want(isWanted) {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (isWanted ? this.show() : this.close()), isWanted ? REST_MS : LEAVE_MS);
  }

  /** @returns {HTMLElement[]} those that can be pressed now */
  get #buttons() {
    const buttons = /** @type {NodeListOf<HTMLElement>} */ (this.#bar.querySelectorAll('button'));
    return [...buttons].filter((button) => button.offsetParent !== null);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    if (!button?.dataset.opens) return;
    this.#open(button === this.#opener ? null : button);
    // Without a pointer.
    if (this.#opener && event.detail === 0) this.#enterPopup();
  }

  /** @param {HTMLElement | null} opener */
  #open(opener) {
    for (const each of [this.#opener, opener]) {
      if (!each) continue;
      const isOpen = each === opener;
      each.setAttribute('aria-expanded', String(isOpen));
      const popup = this.#popupOf(each);
      popup.hidden = !isOpen;
      popup.dispatchEvent(new Event(isOpen ? 'open' : 'close'));
    }
    this.#opener = opener;
  }

  /** @param {HTMLElement} opener */
  #popupOf(opener) {
    return /** @type {HTMLElement} */ (this.#page.getElementById(opener.dataset.opens ?? ''));
  }

  #enterPopup() {
    const popup = this.#opener && this.#popupOf(this.#opener);
    const first = popup?.querySelector('input:checked, button, textarea');
    if (first instanceof HTMLElement) first.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === 'Escape') {
      event.preventDefault();
      const opener = this.#opener;
      if (!opener) return this.close();
      this.#open(null);
      return opener.focus();
    }
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const buttons = this.#buttons, at = buttons.indexOf(/** @type {HTMLElement} */ (event.target));
    if (!step || at < 0) return;
    event.preventDefault();
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  }
}

/** @param {Event} event */
function isField({ target }) {
  return target instanceof Element && target.closest('input, textarea, label') !== null;
}
