/**
 * Framed: the page in a frame of another's, which may use it by messages, and learns what happens.
 *
 * Only pages of the origins that the server names may have it in a frame, and only they are listened and spoken to: each
 * message is checked by its source and origin, and each names the origin that it is for.
 *
 * To the page:   {voxy: 1, type: 'hello'}, 'connect' {ticket or token, or none}, 'disconnect', 'keys' {keys}, 'paste'
 *                {text}, 'screenshot' {id}
 * From the page: {voxy: 1, type: 'ready'}, 'event' {name, detail}, 'answer' {id, blob}
 */

const VERSION = 1;
const MOST_TEXT = 1 << 20;
const MOST_KEYS = 8;

/** @typedef {import('./remote.js').Remote} Remote */

export class Framed {
  /** @type {Promise<string[]>} */
  #origins;
  /** The origin that has spoken, to which all goes from then on; before that, the ready goes to each. */
  #origin = '';
  /** What happened last of each kind before anybody listened; what was copied is nobody's then. @type {Map<string, unknown>} */
  #missed = new Map();

  constructor() {
    this.#origins = fetch(new URL('../embedding.json', import.meta.url))
      .then(async (response) => (await response.json()).origins, () => []);
  }

  /** @type {import('./stage.js').Tell} */
  tell = (name, detail) => {
    if (this.#origin) return this.#post({ type: 'event', name, detail });
    this.#missed.delete(name);
    if (name !== 'clipboard') this.#missed.set(name, detail);
  };

  /** @param {Remote} remote */
  async serve(remote) {
    const origins = await this.#origins;
    window.addEventListener('message', ({ source, origin, data }) => {
      if (source !== window.parent || !origins.includes(origin) || data?.voxy !== VERSION) return;
      this.#origin = origin;
      for (const [name, detail] of this.#missed) this.tell(name, detail);
      this.#missed.clear();
      this.#take(remote, data);
    });
    for (const origin of origins) window.parent.postMessage({ voxy: VERSION, type: 'ready' }, origin);
  }

  /**
   * @param {Remote} remote
   * @param {any} message
   */
  async #take(remote, { type, ticket, token, keys, text, id }) {
    switch (type) {
      case 'connect':
        if (isText(ticket)) return remote.connect({ ticket });
        return remote.connect(isText(token) ? { token } : null);
      case 'hello': return this.#post({ type: 'ready' });
      case 'disconnect': return remote.disconnect();
      case 'keys':
        if (Array.isArray(keys) && keys.length <= MOST_KEYS && keys.every(isText)) remote.sendKeys(...keys);
        return undefined;
      case 'paste': return isText(text) && remote.paste(text);
      case 'screenshot': return this.#post({ type: 'answer', id, blob: await remote.screenshot() });
    }
  }

  /** @param {object} message */
  #post(message) {
    if (this.#origin) window.parent.postMessage({ voxy: VERSION, ...message }, this.#origin);
  }
}

/**
 * @param {unknown} value
 * @returns {value is string}
 */
function isText(value) {
  return typeof value === 'string' && value.length <= MOST_TEXT;
}
