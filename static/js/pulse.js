/** Pulse: whether the other side is there, judged by its answers to pings. */

const BEAT_MS = 500;
/** A ping every so many beats, where there is no hurry. */
const CALM_BEATS = 4;
const STALE_MS = 2_000;
const DEAD_MS = 10_000;
/** After a sleep a connection that looks open is often gone. */
const DEAD_AFTER_SLEEP_MS = 3_000;

/**
 * @typedef {object} PulseListener
 * @property {(id: number) => void} onPing send it
 * @property {(isStale: boolean) => void} onStale called on change
 * @property {() => void} onDead
 * @property {() => boolean} isHurried whether to ping at every beat: the server wants to hear of us often while a key
 *   or a button is held, and people may be watching the round trip
 */

export class Pulse {
  #listener;
  #now;
  #beats = 0;
  #id = 0;
  /** When each ping that isn't answered yet was sent. @type {Map<number, number>} */
  #sentAt = new Map();
  /** When a ping was sent that nothing has followed yet. @type {number | null} */
  #askedAt = null;
  #deadMs = DEAD_MS;
  #isStale = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;

  /**
   * @param {PulseListener} listener
   * @param {() => number} [now]
   */
  constructor(listener, now = () => performance.now()) {
    this.#listener = listener;
    this.#now = now;
  }

  /** Begin, for a new connection or after a sleep of the page. */
  start({ afterSleep = false } = {}) {
    this.stop();
    this.#deadMs = afterSleep ? DEAD_AFTER_SLEEP_MS : DEAD_MS;
    this.#timer = setInterval(() => this.beat(), BEAT_MS);
    this.#ping();
  }

  stop() {
    clearInterval(this.#timer);
    this.#askedAt = null;
    this.#sentAt.clear();
    this.#beats = 0;
    this.#setStale(false);
  }

  /** Anything that arrives is a sign of life. */
  heard() {
    this.#askedAt = null;
    this.#deadMs = DEAD_MS;
    this.#setStale(false);
  }

  /**
   * The round trip of the ping that this answers, in ms; null for an answer to none.
   * @param {number} id
   */
  answered(id) {
    const sentAt = this.#sentAt.get(id);
    this.#sentAt.delete(id);
    return sentAt === undefined ? null : this.#now() - sentAt;
  }

  beat() {
    const silentMs = this.#askedAt === null ? 0 : this.#now() - this.#askedAt;
    if (silentMs >= this.#deadMs) return this.#listener.onDead();
    this.#setStale(silentMs >= STALE_MS);
    if (++this.#beats >= CALM_BEATS || this.#listener.isHurried()) this.#ping();
  }

  #ping() {
    this.#beats = 0;
    this.#askedAt ??= this.#now();
    this.#id = (this.#id + 1) >>> 0;
    this.#sentAt.set(this.#id, this.#now());
    this.#listener.onPing(this.#id);
  }

  /** @param {boolean} isStale */
  #setStale(isStale) {
    if (this.#isStale === isStale) return;
    this.#isStale = isStale;
    this.#listener.onStale(isStale);
  }
}
