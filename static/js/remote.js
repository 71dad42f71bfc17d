/** Remote: what whoever embeds the desktop can do with it, from a program. */

/**
 * @typedef {object} Parts
 * @property {import('./stage.js').Stage} stage
 * @property {import('./auth.js').Access} access
 * @property {import('./line.js').LineThread} thread
 * @property {import('./transport.js').Transport} transport
 * @property {Pick<import('./input/keyboard.js').Keyboard, 'tap'>} keyboard
 * @property {import('./clipboard.js').Clipboard} clipboard
 * @property {HTMLCanvasElement} canvas
 * @property {() => void} onEnd called before the connection is closed by it
 */

export class Remote {
  #parts;
  /** What was shown last to be let in, where that was wrong. @type {import('./auth.js').Secret | null} */
  refused = null;

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
  paste(text) {
    const { stage, clipboard, keyboard } = this.#parts;
    if (stage.options.viewOnly || !clipboard.put(text)) return false;
    keyboard.tap('Control', 'v');
    return true;
  }

  /** @returns {Promise<Blob | null>} what is shown, as PNG */
  screenshot() {
    return new Promise((resolve) => this.#parts.canvas.toBlob(resolve, 'image/png'));
  }
}
