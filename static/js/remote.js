/** Remote: what whoever embeds the desktop can do with it, from a program, and is told of it. */

import { TEXT } from './text.js';

/**
 * @typedef {object} Parts
 * @property {import('./stage.js').Stage} stage
 * @property {import('./auth.js').Access} access
 * @property {import('./line.js').LineThread} thread
 * @property {import('./transport.js').Transport} transport
 * @property {Pick<import('./input/keyboard.js').Keyboard, 'tap'>} keyboard
 * @property {import('./clipboard_gate.js').ClipboardGate} clipboard
 * @property {HTMLCanvasElement} canvas
 * @property {() => void} onEnd called before the connection is closed by it
 */

export class Remote {
  #parts;
  /** What was shown last to be let in, where that was wrong. @type {import('./auth.js').Secret | null} */
  refused = null;
  /** Whether this connection was welcomed, and whether any was. */
  #isEntered = false;
  #wasEntered = false;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * Sign in, if there is something to sign in with, and connect.
   * @param {import('./auth.js').Secret | null} secret
   * @returns {Promise<boolean>} whether it was right
   */
  async connect(secret) {
    const { access, transport } = this.#parts;
    const result = secret && await access.signIn(secret);
    this.refused = result === 'refused' ? secret : null;
    transport.connect();
    return result === 'in';
  }

  /** Close the connection, until `connect` is called. */
  disconnect() {
    this.#parts.onEnd();
    this.#parts.transport.disconnect();
  }

  /** Leave the stage for good. */
  end() {
    this.disconnect();
    this.#parts.stage.end();
    this.#parts.thread.end();
  }

  /** @param {...string} keys by their names, pressed together */
  sendKeys(...keys) {
    this.#parts.keyboard.tap(...keys);
  }

  /**
   * Have the desktop paste a text; whether it may be.
   * @param {string} text
   */
  async paste(text) {
    const { stage, clipboard, keyboard } = this.#parts;
    if (stage.options.viewOnly || !await clipboard.put(text)) return false;
    keyboard.tap('Control', 'v');
    return true;
  }

  /** @returns {Promise<Blob | null>} what is shown, as PNG */
  screenshot() {
    return new Promise((resolve) => this.#parts.canvas.toBlob(resolve, 'image/png'));
  }

  // What is told

  /**
   * The connection is another.
   * @param {import('./transport.js').TransportState} state
   * @param {number} [code] with which the server closed
   */
  became(state, code) {
    const { tell } = this.#parts.stage;
    if (this.#isEntered && state !== 'open') tell('disconnect', { code: code ?? null });
    this.#isEntered = false;
    const message = state === 'signed-out' ? TEXT.signedOut : state === 'outdated' && TEXT.outdated;
    if (message) tell('error', { code: state, message });
    if (state === 'waiting' && !this.#wasEntered) tell('error', { code: 'unreachable', message: TEXT.unreachable });
  }

  /** @param {string} name of the desktop that a connection leads to */
  entered(name) {
    const { access, stage } = this.#parts;
    this.#isEntered = this.#wasEntered = true;
    stage.tell('connect', { name });
    if (stage.isAlone) return;
    // Nobody waits for it, and without an answer nothing is told.
    access.isSignedOut().then(() => stage.tell('control', { may: access.session.may }), () => {});
  }
}
