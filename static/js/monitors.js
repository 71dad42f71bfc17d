/** Monitors: those of the desktop, and the one that this page shows alone, if one is chosen. */

/** @typedef {import('./wire.js').Monitor} Monitor */
/** @typedef {{x: number, y: number, width: number, height: number}} Rect in the remote screen's pixels */

export class Monitors {
  /** @type {Monitor[]} */
  #list = [];
  /** @type {string | null} */
  #name = null;
  /** @type {Rect | null} */
  #rect = null;
  #onChange;

  /**
   * @param {(rect: Rect | null) => void} onChange called when another part of the screen is to be shown; null for all
   */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** All monitors, the primary one first. */
  get list() {
    return this.#list;
  }

  /** The monitor that is shown alone; null where all are shown, and while the chosen one isn't there. */
  get chosen() {
    return this.#list.find(({ name }) => name === this.#name) ?? null;
  }

  /** The part of the screen to show; null for all of it. */
  get rect() {
    return this.#rect;
  }

  /** @param {string | null} name of the monitor to show alone; null shows all */
  choose(name) {
    this.#name = name;
    this.#update();
  }

  /** @param {import('./wire.js').Monitors} message */
  told({ monitors }) {
    this.#list = monitors;
    this.#update();
  }

  #update() {
    const { chosen } = this, before = this.#rect;
    this.#rect = chosen && { x: chosen.x, y: chosen.y, width: chosen.width, height: chosen.height };
    if (JSON.stringify(before) !== JSON.stringify(this.#rect)) this.#onChange(this.#rect);
  }
}
