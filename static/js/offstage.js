/** Offstage: a part of the page that is fetched when it is first wanted; what is for it waits, in its order. */

/** @template T */
export class Offstage {
  /** The part, once it is there. @type {T | null} */
  part = null;
  /** @type {Promise<T> | null} */
  #coming = null;
  #fetch;
  #onLost;

  /**
   * @param {() => Promise<T>} fetch
   * @param {(error: unknown) => void} onLost it couldn't be fetched; the next call tries again
   */
  constructor(fetch, onLost) {
    this.#fetch = fetch;
    this.#onLost = onLost;
  }

  /**
   * @param {(part: T) => void} action with the part: now, or as soon as it is there
   * @param {() => void} [instead] where it doesn't come
   */
  call(action, instead) {
    if (this.part) return action(this.part);
    this.#coming ??= this.#fetch().then((part) => (this.part = part));
    this.#coming.then(action, (error) => {
      instead?.();
      throw error;
    }).catch((error) => {
      if (!this.part) this.#coming = null;
      this.#onLost(error);
    });
  }
}
