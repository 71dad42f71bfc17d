/** Controls: the toolbar's buttons and what they open, tied to the parts that do what they say. */

import { ClipboardPanel } from './clipboard_panel.js';
import { ControlRequest } from './control_request.js';
import { FullScreen } from './full_screen.js';
import { pointerLock } from './input/pointer_lock.js';
import { KeyPanel } from './key_panel.js';
import { PeoplePanel } from './people_panel.js';
import { fill } from './sentences.js';
import { TEXT, language } from './text.js';
import { Toolbar } from './toolbar.js';

/** @typedef {import('./backstage.js').Shortcut} Shortcut */

/**
 * @typedef {object} Parts
 * @property {import('./input/keyboard.js').Keyboard} keyboard
 * @property {import('./input/text_input.js').TextInput} textInput
 * @property {import('./clipboard_gate.js').ClipboardGate} clipboard
 * @property {import('./notice.js').Notice} notice
 * @property {() => void} toggleStatistics
 * @property {() => import('./wire.js').Level} quality
 * @property {(level: import('./wire.js').Level) => void} chooseQuality
 * @property {import('./input/hands.js').Hands} hands
 * @property {import('./presentation.js').Presentation} presentation
 * @property {import('./auth.js').Access} access
 * @property {(message: import('./wire.js').ToServer) => void} send
 * @property {() => void} onLeave the keyboard goes back to the desktop
 */

export class Controls {
  #page;
  #stage;
  #parts;
  #toolbar;
  #fullScreen;
  #people;
  #request;

  /**
   * @param {import('./stage.js').Stage} stage
   * @param {Parts} parts
   */
  constructor(stage, parts) {
    const page = this.#page = stage.root;
    this.#stage = stage;
    this.#parts = parts;
    this.#check('quality', parts.quality());
    this.#toolbar = new Toolbar(page, parts.onLeave);
    this.#fullScreen = new FullScreen(stage.host, stage.signal, (isOn, hasAllKeys) => this.#onFullScreen(isOn, hasAllKeys));
    new KeyPanel(page, parts.keyboard);
    new ClipboardPanel(page, parts.clipboard);
    this.#people = new PeoplePanel(page, parts.access, parts.send);
    this.#request = new ControlRequest(page, parts.send, parts.onLeave);
    this.#find('full-screen').hidden = !this.#fullScreen.isThere;
    this.#find('full-screen').addEventListener('click', () => this.#fullScreen.toggle());
    this.#find('screen-keyboard').addEventListener('click', () => this.#toggleKeyboard());
    this.#find('show-statistics').addEventListener('click', () => parts.toggleStatistics());
    this.#find('quality').addEventListener('change', ({ target }) => {
      parts.chooseQuality(/** @type {import('./wire.js').Level} */ (/** @type {HTMLInputElement} */ (target).value));
    });
    this.#listenToHands(parts.hands);
    this.#find('size').addEventListener('change', ({ target }) => {
      const { name, value } = /** @type {HTMLInputElement} */ (target);
      if (name === 'monitor') this.#showMonitor(value || null);
      else parts.presentation.sizing.choose(/** @type {import('./wire.js').Mode} */ (value));
    });
    for (const key of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll('[data-shortcut]'))) {
      key.textContent = fill(TEXT.shortcut, { key: key.dataset.shortcut ?? '' });
    }
    this.#toolbar.listen(stage.target, () => stage.corner);
    page.querySelector('main')?.addEventListener('pointerdown', () => this.#toolbar.yield());
    this.offer(parts.presentation);
  }

  /** @param {import('./input/hands.js').Hands} hands */
  #listenToHands(hands) {
    this.#find('touch-modes').hidden = navigator.maxTouchPoints === 0;
    this.#check('touch', hands.touchMode);
    this.#find('touch-modes').addEventListener('change', ({ target }) => {
      hands.touchMode = /** @type {HTMLInputElement} */ (target).value === 'trackpad' ? 'trackpad' : 'direct';
    });
    const lock = pointerLock(this.#stage, this.#parts.send, hands);
    this.#find('lock-pointer').addEventListener('click', () => {
      this.#toolbar.close();
      lock();
    });
  }

  /**
   * @param {string} name of a group of radio buttons
   * @param {string} value
   */
  #check(name, value) {
    const chosen = this.#page.querySelector(`input[name=${name}][value=${value}]`);
    if (chosen instanceof HTMLInputElement) chosen.checked = true;
  }

  show() {
    this.#toolbar.show();
  }

  /** @param {PointerEvent} event */
  move(event) {
    this.#toolbar.move(event);
  }

  /** @param {Shortcut} key */
  press(key) {
    if (key === 'M') this.#request.enter() || this.#toolbar.enter();
    else if (key === 'F') this.#fullScreen.toggle();
    else this.#parts.toggleStatistics();
  }

  /** @param {boolean} isOn whether the statistics are shown */
  check(isOn) {
    this.#find('show-statistics').setAttribute('aria-pressed', String(isOn));
  }

  /** @param {import('./presentation.js').Presentation} presentation of which something else can be chosen */
  offer({ sizing, monitors }) {
    this.#check('size', sizing.mode);
    const follow = this.#page.querySelector('input[name=size][value=follow]');
    if (follow instanceof HTMLInputElement) follow.disabled = !sizing.canFollow;
    const reason = (language() === 'en' && sizing.reason) || TEXT.cannotFollow;
    this.#find('follow-said').textContent = sizing.canFollow ? TEXT.sizesMore.follow : reason;
    const names = monitors.list.length > 1 ? ['', ...monitors.list.map(({ name }) => name)] : [];
    const chosen = monitors.chosen?.name ?? '';
    this.#find('monitors').replaceChildren(...names.map((name) => this.#monitorChoice(name, name === chosen)));
  }

  /**
   * @param {string} name of a monitor; none for all
   * @param {boolean} isChosen
   */
  #monitorChoice(name, isChosen) {
    const [label, words] = [document.createElement('label'), document.createElement('span')];
    const input = document.createElement('input');
    Object.assign(input, { type: 'radio', name: 'monitor', value: name, checked: isChosen });
    words.textContent = name || TEXT.allMonitors;
    label.append(input, words);
    return label;
  }

  /** @param {string | null} name */
  #showMonitor(name) {
    // The address says it too, so that it can be kept, and another window can show another.
    const hash = name ? `#monitor=${encodeURIComponent(name)}` : '';
    if (this.#stage.isWhole) history.replaceState(null, '', location.pathname + location.search + hash);
    this.#parts.presentation.showMonitor(name);
  }

  /** @param {import('./backstage.js').Told} told */
  take(told) {
    if (told.type === 'people') this.#people.count(told);
    else if (told.type === 'may') this.#permit(told);
    else this.#showControl(told);
  }

  /**
   * Offer only what this viewer may do.
   * @param {import('./wire.js').May} may
   */
  #permit(may) {
    const { permissions } = may;
    this.#people.permit(may);
    for (const element of /** @type {NodeListOf<HTMLElement>} */ (this.#page.querySelectorAll('[data-needs]'))) {
      const needs = (element.dataset.needs ?? '').split(' ');
      element.hidden = !permissions.some((permission) => needs.includes(permission));
      if (element.hidden && element.getAttribute('aria-expanded') === 'true') this.#toolbar.close();
    }
    this.#find('looking-on').hidden = permissions.includes('pointer') || permissions.includes('keyboard');
  }

  /** @param {import('./wire.js').Control} control */
  #showControl(control) {
    this.#people.show(control);
    if (this.#stage.options.toolbar !== false) this.#request.show(control);
  }

  #toggleKeyboard() {
    const { textInput } = this.#parts;
    textInput.show(!textInput.isShown);
    this.#find('screen-keyboard').setAttribute('aria-pressed', String(textInput.isShown));
  }

  /**
   * @param {boolean} isOn
   * @param {boolean} hasAllKeys
   */
  #onFullScreen(isOn, hasAllKeys) {
    this.#find('full-screen').setAttribute('aria-pressed', String(isOn));
    this.#parts.keyboard.hasAllKeys = hasAllKeys;
    if (hasAllKeys) this.#parts.notice.say(TEXT.notices.hold_escape);
  }

  /** @param {string} id */
  #find(id) {
    return /** @type {HTMLElement} */ (this.#page.getElementById(id));
  }
}
