/**
 * <voxy-desktop>: a desktop in a page of yours.
 *
 *   <script type="module" src="https://host/base/voxy.js"></script>
 *   <voxy-desktop src="https://host/base/" ticket-url="/desktop-ticket" view-only></voxy-desktop>
 *
 * What shows the desktop is fetched from `src` once the element is there. See voxy.d.ts for all of it.
 */

/** @typedef {{token: string} | {ticket: string} | null} Secret */

/** @param {any} element */
async function ticketFor(element) {
  const url = element.getAttribute('ticket-url');
  if (element.getTicket) return { ticket: await element.getTicket() };
  if (url === null) return null;
  const response = await fetch(url, { method: 'POST', headers: { Accept: 'application/json' } });
  if (!response.ok) throw new Error(`${url} gives no ticket (${response.status}).`);
  return { ticket: (await response.json()).ticket };
}

export class VoxyDesktop extends HTMLElement {
  static observedAttributes = ['view-only', 'toolbar', 'scale', 'quality', 'src'];

  /** Gives a ticket for a connection, instead of `ticket-url`. @type {(() => Promise<string>) | null} */
  getTicket = null;
  /** @type {Promise<any> | null} */
  #remote = null;
  /** Whether the last ticket was refused: the next one would be too. */
  #isRefused = false;
  #shadow = this.attachShadow({ mode: 'open' });

  connectedCallback() {
    if (!this.hasAttribute('manual')) this.connect();
  }

  disconnectedCallback() {
    this.#end();
  }

  attributeChangedCallback() {
    if (!this.#remote) return;
    this.#end();
    this.connectedCallback();
  }

  /**
   * Connect: with this, or a ticket of getTicket or ticket-url, or with nothing where nothing is asked for.
   * @param {Secret} [secret]
   */
  async connect(secret) {
    try {
      const opening = this.#remote ??= this.#open();
      const remote = await opening;
      const shown = secret ?? await ticketFor(this);
      if (this.#remote === opening) await remote.connect(shown);
    } catch (error) {
      this.#remote = null;
      this.#tell('error', { code: 'unreachable', message: String(error) });
    }
  }

  disconnect() {
    this.#remote?.then((remote) => remote.disconnect(), () => {});
  }

  /** @param {...string} keys by their names, pressed together: 'Control', 'Alt', 'Delete' */
  async sendKeys(...keys) {
    (await this.#remote)?.sendKeys(...keys);
  }

  /** @param {string} text */
  async paste(text) {
    return (await this.#remote)?.paste(text) ?? false;
  }

  /** @returns {Promise<Blob | null>} */
  async screenshot() {
    return (await this.#remote)?.screenshot() ?? null;
  }

  async #open() {
    const base = new URL(this.getAttribute('src') ?? '.', this.hasAttribute('src') ? document.baseURI : import.meta.url);
    const { embed } = await import(new URL('js/embed.js', base).href);
    return embed(this, this.#shadow, (/** @type {string} */ name, /** @type {any} */ detail) => this.#told(name, detail));
  }

  #end() {
    this.#remote?.then((remote) => remote.end(), () => {});
    this.#remote = null;
  }

  /**
   * @param {string} name
   * @param {any} detail
   */
  #told(name, detail) {
    if (name === 'connect') this.#isRefused = false;
    const isSignedOut = name === 'error' && detail.code === 'signed-out';
    this.#tell(name, detail);
    // What let us in has ended, or was never shown: once more with a new ticket.
    if (!isSignedOut || this.#isRefused || !(this.getTicket || this.hasAttribute('ticket-url'))) return;
    this.#isRefused = true;
    this.connect();
  }

  /**
   * @param {string} name
   * @param {any} detail
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

if (!customElements.get('voxy-desktop')) customElements.define('voxy-desktop', VoxyDesktop);
