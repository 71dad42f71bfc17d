/** Monitors: those of the desktop, and the one that this page shows alone, if one is chosen. */

/** @typedef {import('./wire.js').Monitor} Monitor */

export class Monitors {
  /** All monitors, the primary one first. @type {Monitor[]} */
  list = [];
  /** The monitor to be shown alone; null for all. @type {string | null} */
  name = null;

  /** The monitor that is shown alone; null where all are shown, and while the one to be shown isn't there. */
  get chosen() {
    return this.list.find(({ name }) => name === this.name) ?? null;
  }
}
