/** Exchanges the token that VoXY printed for a session. */

const BASE = new URL('../', import.meta.url);

/** @typedef {'in' | 'refused' | 'unreachable'} SignedIn */

/** The token in the page's own address, or null. */
export function tokenInAddress() {
  return new URLSearchParams(location.hash.slice(1)).get('token');
}

/** Take the token out of the address, so that it is neither read over a shoulder nor bookmarked. */
export function removeTokenFromAddress() {
  const rest = new URLSearchParams(location.hash.slice(1));
  rest.delete('token');
  history.replaceState(null, '', location.pathname + location.search + `#${rest}`.replace(/#$/, ''));
}

/**
 * The token in what somebody pasted: the token itself, or the whole address.
 * @param {string} text
 */
export function tokenIn(text) {
  return text.trim().replace(/^.*#(.*&)?token=/s, '').replace(/&.*$/s, '');
}

/** What a page may show of itself to be let in: a cookie that the browser keeps, or a pass that it keeps itself. */
export class Access {
  #pass = '';
  #keepsPass;
  /** What may be done, as far as the server has said. @type {string[]} */
  may = [];

  /** @param {boolean} keepsPass whether the page is inside of another's, where browsers keep no cookie */
  constructor(keepsPass) {
    this.#keepsPass = keepsPass;
  }

  /** Where the stream is. */
  get streamUrl() {
    const url = new URL('stream', BASE);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url.href;
  }

  /** The words that a WebSocket takes along: browsers let a page add no others. */
  get protocols() {
    return this.#pass ? ['voxy', `voxy.pass.${this.#pass}`] : [];
  }

  /**
   * @param {{token: string} | {ticket: string}} secret
   * @returns {Promise<SignedIn>}
   */
  async signIn(secret) {
    try {
      const response = await fetch(new URL('login', BASE), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(this.#keepsPass ? { ...secret, keep: 'page' } : secret),
      });
      if (response.status === 200) this.#pass = (await response.json()).pass;
      if (response.ok) return 'in';
      return response.status < 500 ? 'refused' : 'unreachable';
    } catch {
      return 'unreachable';
    }
  }

  /** Whether the server would let us in, if only we signed in; rejects where it can't be reached. */
  async isSignedOut() {
    const headers = this.#pass ? { Authorization: `Bearer ${this.#pass}` } : {};
    const response = await fetch(new URL('session', BASE), { cache: 'no-store', headers });
    if (response.ok) this.may = (await response.json()).may;
    return response.status === 401;
  }
}
