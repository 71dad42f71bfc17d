/** Keyboard: the browser's key events, put right, as keys that go down and up. */

/** Keys that aren't texts or commands for a desktop but for the machine at hand; the browser keeps them. F11 is the way
 * into full screen and out of it again. */
const KEPT = /^(F11|AudioVolume.*|Brightness.*|Eject|Power(Off)?|Standby|Hibernate|WakeUp)$/;
/** Keys that say nothing: an input method or a dead key is at work, and the character follows. */
const SILENT = /^(Process|Unidentified|Dead|Compose|)$/;
/** @type {Record<string, 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey'>} */
const MODIFIERS = { Shift: 'shiftKey', Control: 'ctrlKey', Alt: 'altKey', Meta: 'metaKey' };
const OTHER_MODIFIERS = /^(AltGraph|(Caps|Num|Scroll)Lock|Fn|Hyper|Super)$/;
/** AltGr on Windows comes as Control and then Alt, within this time of each other. */
const ALTGR_MS = 50;

/** Legacy keyCode of a key that an input method has taken; WebKit tells it of the Enter that ends a composition too. */
const TAKEN = 229;
/** Characters in one message, by the protocol. */
const TEXT_MOST = 256;

/** @typedef {import('../wire.js').Key | import('../wire.js').Text | import('../wire.js').Release} KeyMessage */
/** @typedef {'windows' | 'mac' | 'other'} Platform */
/** @typedef {Pick<KeyboardEvent, 'key' | 'code' | 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey' | 'isComposing'
 *   | 'repeat' | 'timeStamp' | 'preventDefault' | 'target' | 'keyCode'>} KeyEvent */

export class Keyboard {
  /** The name with which a key went down, by its place on the keyboard. @type {Map<string, {key: string, code: string}>} */
  #held = new Map();
  /** Modifiers that stay down until the next key has been typed. @type {Set<string>} */
  latched = new Set();
  /** Called when others are latched. */
  onlatch = () => {};
  /** Whether keys are those of the desktop at the same place, as games want them, whatever is written on them. */
  isByPlace = false;
  /** Whether the browser gives this page all keys. */
  hasAllKeys = false;
  /** A Control that may turn out to be half an AltGr. @type {{event: KeyEvent, timer: any} | null} */
  #doubtful = null;
  #send;
  #accepts;
  #platform;
  #isForBoth;

  /**
   * @param {(message: KeyMessage) => void} send
   * @param {(event: KeyEvent) => boolean} accepts whether an event is for the desktop and not for the page
   * @param {(event: KeyEvent) => boolean} [isForBoth] whether the browser does something with a key as well
   * @param {Platform} [platform]
   */
  constructor(send, accepts, isForBoth = () => false, platform = thisPlatform()) {
    this.#send = send;
    this.#accepts = accepts;
    this.#isForBoth = isForBoth;
    this.#platform = platform;
  }

  /** @param {EventTarget} target the window */
  listen(target) {
    target.addEventListener('keydown', (event) => this.keydown(/** @type {KeyboardEvent} */ (event)), { capture: true });
    target.addEventListener('keyup', (event) => this.keyup(/** @type {KeyboardEvent} */ (event)), { capture: true });
  }

  /** @param {string} key by its name, on either side */
  holds(key) {
    return [...this.#held.values()].some((held) => held.key === key);
  }

  get isHolding() {
    return this.#held.size > 0;
  }

  /** @param {KeyEvent} event */
  keydown(event) {
    const isKept = KEPT.test(event.key) && !(event.key === 'F11' && this.hasAllKeys);
    if (isKept || !this.#accepts(event)) return;
    if (event.isComposing || event.keyCode === TAKEN || SILENT.test(event.key)) return;
    const isAltGr = this.#settleDoubt(event);
    if (!this.#isForBoth(event)) event.preventDefault();
    if (this.#platform === 'windows' && event.code === 'ControlLeft' && !this.#held.has('ControlLeft')) {
      return this.#doubt(event);
    }
    if (!isAltGr && !isModifier(event.key)) this.#dropMissedModifiers(event);
    if (this.#platform === 'mac' && isCommand(event)) return this.#command(event);
    this.#down(event);
    if (this.#losesKeyup(event)) this.#up(event);
  }

  /** @param {KeyEvent} event */
  keyup(event) {
    this.#settleDoubt(event);
    if (this.#held.has(place(event))) event.preventDefault();
    else if (!this.#accepts(event) || !this.#cameWithoutDown(event)) return;
    this.#up(event);
    if (event.key === 'Meta' && this.#platform === 'mac') this.#dropUnlessModifier();
  }

  /**
   * Type text that didn't come by keys. With a modifier latched, a single character is a key.
   * @param {string} text
   */
  type(text) {
    const characters = [...text];
    if (this.latched.size && characters.length === 1) return this.tap(text);
    for (let start = 0; start < characters.length; start += TEXT_MOST) {
      this.#send({ type: 'text', text: characters.slice(start, start + TEXT_MOST).join('') });
    }
    this.#unlatch();
  }

  /**
   * Press keys together by their names, and let them go.
   * @param {...string} keys
   */
  tap(...keys) {
    const events = keys.filter((key) => !this.latched.has(key)).map((key) => ({ key, code: codeOf(key) }));
    for (const event of events) this.#down(event);
    for (const event of events.reverse()) this.#up(event);
    this.#unlatch();
  }

  /**
   * Put a modifier down until the next key has been typed, or up again.
   * @param {string} key
   */
  latch(key) {
    const event = { key, code: codeOf(key) };
    if (this.latched.delete(key)) this.#up(event);
    else {
      this.latched.add(key);
      this.#down(event);
    }
    this.onlatch();
  }

  /** Let all keys go: whatever happens to them from now on isn't seen here. */
  release() {
    this.forget();
    this.#send({ type: 'release' });
  }

  /** Forget the keys that are held: nobody is there to be told. */
  forget() {
    clearTimeout(this.#doubtful?.timer);
    this.#doubtful = null;
    this.#held.clear();
    this.latched.clear();
    this.onlatch();
  }

  #unlatch() {
    for (const key of [...this.latched]) this.latch(key);
  }

  /** @param {{key: string, code: string}} event */
  #down({ key, code }) {
    this.#held.set(place({ key, code }), { key, code });
    this.#send({ type: 'key', key: this.isByPlace && code ? '' : key, code, down: true });
  }

  /** @param {{key: string, code: string}} event */
  #up(event) {
    const held = this.#held.get(place(event));
    if (!held) return;
    this.#held.delete(place(event));
    this.#send({ type: 'key', key: held.key, code: held.code, down: false });
    if (!isModifier(held.key)) this.#unlatch();
  }

  /**
   * Copying, cutting and pasting with Command, as desktops do that with Control. Control is down before Command goes
   * up: a Command that is only tapped opens menus.
   * @param {KeyEvent} event
   */
  #command(event) {
    const control = { key: 'Control', code: 'ControlLeft' };
    this.#down(control);
    for (const held of [...this.#held.values()]) if (held.key === 'Meta') this.#up(held);
    this.#down(event);
    this.#up(event);
    this.#up(control);
  }

  /** @param {KeyEvent} event */
  #doubt(event) {
    const timer = setTimeout(() => this.#settleDoubt(null), ALTGR_MS);
    this.#doubtful = { event, timer };
  }

  /**
   * Decide what a doubtful Control was, now that `next` has happened, or nothing in time.
   * @param {KeyEvent | null} next
   * @returns {boolean} whether `next` is the other half of an AltGr
   */
  #settleDoubt(next) {
    if (!this.#doubtful) return false;
    const { event, timer } = this.#doubtful;
    clearTimeout(timer);
    this.#doubtful = null;
    const isAltGr = next?.code === 'AltRight' && next.timeStamp - event.timeStamp < ALTGR_MS;
    if (!isAltGr) this.#down(event);
    return isAltGr;
  }

  /**
   * Whether the keyup of a key won't be seen: macOS keeps those of keys pressed with Command, and a CapsLock that
   * goes on has only a keydown there.
   * @param {KeyEvent} event
   */
  #losesKeyup(event) {
    return this.#platform === 'mac' && (event.key === 'CapsLock' || (event.metaKey && !isModifier(event.key)));
  }

  /**
   * Whether a keyup stands for the whole key: macOS' CapsLock that goes off, Windows' PrintScreen.
   * @param {KeyEvent} event
   */
  #cameWithoutDown(event) {
    const isWhole = (this.#platform === 'mac' && event.key === 'CapsLock')
      || (this.#platform === 'windows' && event.key === 'PrintScreen');
    if (isWhole) this.#down(event);
    return isWhole;
  }

  /**
   * Let go of modifiers that the event says aren't down: their keyup went to another window.
   * @param {KeyEvent} event
   */
  #dropMissedModifiers(event) {
    for (const held of [...this.#held.values()]) {
      const flag = MODIFIERS[held.key];
      if (flag && !event[flag] && !this.latched.has(held.key)) this.#up(held);
    }
  }

  #dropUnlessModifier() {
    for (const held of [...this.#held.values()]) if (!isModifier(held.key)) this.#up(held);
  }
}

/** @param {{key: string, code: string}} event */
function place({ key, code }) {
  return code || key;
}

/** @param {string} key that is pressed without a keyboard; where it is */
function codeOf(key) {
  return key in MODIFIERS ? `${key}Left` : '';
}

/** @param {string} key */
function isModifier(key) {
  return key in MODIFIERS || OTHER_MODIFIERS.test(key);
}

/** @param {KeyEvent} event */
function isCommand({ key, metaKey, ctrlKey, altKey }) {
  return metaKey && !ctrlKey && !altKey && ['c', 'x', 'v'].includes(key.toLowerCase());
}

/** @returns {Platform} */
function thisPlatform() {
  const name = navigator.platform.toLowerCase();
  if (/^(mac|iphone|ipad)/.test(name)) return 'mac';
  return name.startsWith('win') ? 'windows' : 'other';
}
