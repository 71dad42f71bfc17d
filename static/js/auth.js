/** Exchanges a token, an invitation, or a name and a password for a session. */

const BASE = new URL('../', import.meta.url);

/** @typedef {'in' | 'refused' | 'later' | 'unreachable'} SignedIn */
/** @typedef {{token: string} | {ticket: string} | {invitation: string} | {user: string, password: string}} Secret */

/**
 * The token or the invitation in the page's own address, or null.
 * @returns {Secret | null}
 */
export function secretInAddress() {
  const said = new URLSearchParams(location.hash.slice(1));
  const token = said.get('token'), invitation = said.get('invite');
  if (invitation !== null) return { invitation };
  return token === null ? null : { token };
}

/** Take the secret out of the address, so that it is neither read over a shoulder nor bookmarked. */
export function removeSecretFromAddress() {
  const rest = new URLSearchParams(location.hash.slice(1));
  rest.delete('token');
  rest.delete('invite');
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
  /** By which name others know us; empty without one. */
  name = '';
  /** Whether there is a session of the browser's, that can be ended. */
  canSignOut = false;
  /** Whether people sign in by name here. */
  hasNames = false;
  /** Seconds until another try is heard. */
  waitS = 0;

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
   * @param {Secret} secret
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
      this.#noteWays(response);
      this.waitS = Number(response.headers.get('Retry-After'));
      if (response.status === 429) return 'later';
      return response.status < 500 ? 'refused' : 'unreachable';
    } catch {
      return 'unreachable';
    }
  }

  /** Whether the server would let us in, if only we signed in; rejects where it can't be reached. */
  async isSignedOut() {
    const headers = this.#pass ? { Authorization: `Bearer ${this.#pass}` } : {};
    const response = await fetch(new URL('session', BASE), { cache: 'no-store', headers });
    if (response.ok) ({ name: this.name, may: this.may, cookie: this.canSignOut } = await response.json());
    this.#noteWays(response);
    return response.status === 401;
  }

  /** End the session that the browser keeps, wherever it is open. */
  async signOut() {
    await fetch(new URL('logout', BASE), { method: 'POST' });
  }

  /** @param {Response} response */
  #noteWays({ status, headers }) {
    if (status === 401) this.hasNames = headers.get('WWW-Authenticate')?.includes('VoXY-Password') ?? false;
  }
}
