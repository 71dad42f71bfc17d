/**
 * Stage: where a desktop is shown: the whole of a page of its own, or an element in another's. Everything that looks for
 * elements, listens for keys, or measures, asks the stage, so that both are one code.
 */

/** @typedef {Document | ShadowRoot} Root */
/** @typedef {import('./view.js').Window} Measured */

/**
 * @typedef {object} Options what whoever embeds the desktop asks for; the server's own limits go before it
 * @property {boolean} [viewOnly] look on only
 * @property {boolean} [toolbar] whether there is one
 * @property {import('./wire.js').Mode | null} [scale]
 * @property {import('./wire.js').Level | null} [quality]
 */

/** @typedef {(name: string, detail?: unknown) => void} Tell */

export class Stage {
  #box;
  #host;
  #ending = new AbortController();

  /**
   * @param {Root} root in which the markup is
   * @param {Options} [options]
   * @param {Tell} [tell] told what happens, for whoever embeds the desktop
   * @param {{host: HTMLElement, box: HTMLElement} | null} [embedded] the element, and all that is shown within it
   */
  constructor(root, options = {}, tell = () => {}, embedded = null) {
    this.root = root;
    this.options = options;
    this.tell = tell;
    this.#box = embedded?.box ?? null;
    this.#host = embedded?.host ?? document.documentElement;
  }

  /** Whether the page is the desktop's own: then its address, its title and its storage are too. */
  get isWhole() {
    return this.#box === null;
  }

  /** Whether it is the page's own, and that in no frame: cookies and the keyboard are its own then. */
  get isAlone() {
    return this.isWhole && window.parent === window;
  }

  /** What full screen enlarges. */
  get host() {
    return this.#host;
  }

  /** What says how the connection is, for the style. */
  get marked() {
    return this.#box ?? this.#host;
  }

  /** Where keys, pastes and motions arrive. @type {EventTarget} */
  get target() {
    return this.isWhole ? window : this.root;
  }

  /** Ends what listens beyond the stage, together with it. */
  get signal() {
    return this.#ending.signal;
  }

  end() {
    this.#ending.abort();
  }

  /** Where the stage begins in the window, in CSS pixels. */
  get corner() {
    if (!this.#box) return { x: 0, y: 0 };
    const { left, top } = this.#box.getBoundingClientRect();
    return { x: left, y: top };
  }

  /**
   * A place in the window as one on the stage.
   * @param {{x: number, y: number}} place
   */
  inside({ x, y }) {
    const corner = this.corner;
    return { x: x - corner.x, y: y - corner.y };
  }

  /** @returns {Measured} */
  measure() {
    const full = this.#box
      ? { width: this.#box.clientWidth, height: this.#box.clientHeight }
      : { width: window.innerWidth, height: window.innerHeight };
    const visual = this.isWhole ? window.visualViewport : null;
    // A page that is itself enlarged (by who can't see well) is laid out as if it weren't.
    const free = visual && Math.abs(visual.scale - 1) < 0.01
      ? { left: visual.offsetLeft, top: visual.offsetTop, width: visual.width, height: visual.height }
      : { left: 0, top: 0, ...full };
    return { full, free, ratio: devicePixelRatio, corner: this.corner };
  }

  /** @param {() => void} listener called when the stage has another size */
  onResize(listener) {
    const { signal } = this;
    if (!this.#box) return window.addEventListener('resize', listener, { signal });
    const observer = new ResizeObserver(listener);
    observer.observe(this.#box);
    signal.addEventListener('abort', () => observer.disconnect());
  }
}
