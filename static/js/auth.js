/** Exchanges a token, a ticket, an invitation, or a name and a password for a session. */

const BASE = new URL('../', import.meta.url);

/** @typedef {'in' | 'refused' | 'later' | 'unreachable'} SignedIn */
/** @typedef {{token: string} | {ticket: string} | {invitation: string} | {user: string, password: string}} Secret */

/** What a page may show of itself to be let in: a cookie that the browser keeps, or a pass that it keeps itself. */
export class Access {
  #pass = '';
  #keepsPass;
  /**
   * What the server has said of us: what we may do, by which name others know us (none for some), whether the browser
   * keeps a session that can be ended, and where else one has to sign out.
   * @type {{may: string[], name: string, cookie: boolean, logout: string}}
   */
  session = { may: [], name: '', cookie: false, logout: '' };
  /** By which ways people sign in here, as the server says it. */
  ways = '';
  /** Whether we are known, and may not look all the same. */
  isKeptOut = false;
  /** Seconds until another try is heard. */
  waitS = 0;

  /** @param {boolean} keepsPass whether the page is inside of another's, where browsers keep no cookie */
  constructor(keepsPass) {
    this.#keepsPass = keepsPass;
  }

  /** Where the stream is. */
  get streamUrl() {
    const url = new URL('stream', BASE);
    url.protocol = url.protocol.replace('http', 'ws');
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
      this.#hear(response);
      this.waitS = Number(response.headers.get('Retry-After'));
      if (response.status === 429) return 'later';
      return response.status < 500 ? 'refused' : 'unreachable';
    } catch {
      return 'unreachable';
    }
  }

  /** Whether the server would let us in, if only we signed in, perhaps as somebody else; rejects where it can't be reached. */
  async isSignedOut() {
    const headers = this.#pass ? { Authorization: `Bearer ${this.#pass}` } : {};
    const response = await fetch(new URL('session', BASE), { cache: 'no-store', headers });
    if (response.ok) this.session = await response.json();
    this.#hear(response);
    this.isKeptOut = response.status === 403;
    return response.status === 401 || this.isKeptOut;
  }

  /** @param {Response} response which names the ways where nobody is signed in */
  #hear({ headers }) {
    this.ways = headers.get('WWW-Authenticate') ?? this.ways;
  }
}
