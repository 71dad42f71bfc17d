/** Statistics: where the time of the last pictures went, and how many there were. No clock of its own, no page. */

/** Milliseconds over which is counted. */
const WINDOW_MS = 2_000;
/** Soon after the beginning there is less to count over; rates of less than this would jump. */
const LEAST_WINDOW_MS = 500;

/** The stages in the order in which a picture passes them, by who takes the time. */
export const STAGES = /** @type {const} */ ({
  server: ['grab', 'diff', 'encode', 'send'],
  line: ['line'],
  browser: ['decode', 'paint'],
});

/** @typedef {keyof typeof STAGES} Part */
/** @typedef {(typeof STAGES)[Part][number]} Stage */
/** @typedef {Record<Stage, number>} Spent in ms */
/** @typedef {{seq: number, decodeMs: number, browserMs: number}} Shown `browserMs` from its arrival to its frame */
/**
 * @typedef {object} Summary null where nothing is known
 * @property {number | null} roundTripMs
 * @property {number} framesS
 * @property {number} mbitS
 * @property {number | null} exact the share of the picture
 * @property {Record<Part, number> | null} partsMs
 * @property {{stage: Stage, ms: number} | null} slowest
 */

export class Statistics {
  /** @type {{at: number, bytes: number}[]} */
  #updates = [];
  /** @type {{at: number}[]} */
  #frames = [];
  /** @type {{at: number, spent: Spent}[]} */
  #samples = [];
  /** What the server hasn't told its share of yet. @type {(Shown & {at: number})[]} */
  #shown = [];
  /** @type {number | null} */
  #roundTripMs = null;
  /** @type {number | null} */
  #exact = null;
  #since;
  #now;

  /** @param {() => number} [now] */
  constructor(now = () => performance.now()) {
    this.#now = now;
    this.#since = now();
  }

  /** Begin anew: the connection is another one. */
  reset() {
    this.#updates = [];
    this.#frames = [];
    this.#samples = [];
    this.#shown = [];
    this.#roundTripMs = this.#exact = null;
    this.#since = this.#now();
  }

  /** @param {number} bytes of an update that was painted */
  received(bytes) {
    this.#updates.push({ at: this.#now(), bytes });
    this.#forget(this.#updates);
  }

  /** @param {Shown} shown an update that a frame shows */
  shown(shown) {
    const at = this.#now();
    this.#frames.push({ at });
    this.#shown.push({ ...shown, at });
    this.#forget(this.#frames);
    this.#forget(this.#shown);
  }

  /** @param {import('./wire.js').Times} times what the server says of an update that was shown */
  told({ seq, grab_ms, diff_ms, encode_ms, send_ms, ack_ms, exact }) {
    this.#exact = exact;
    const own = this.#shown.find((shown) => shown.seq === seq);
    this.#shown = this.#shown.filter((shown) => shown.seq > seq);
    if (!own) return;
    const spent = {
      grab: grab_ms, diff: diff_ms, encode: encode_ms, send: send_ms,
      line: Math.max(0, ack_ms - own.browserMs),
      decode: own.decodeMs,
      paint: Math.max(0, own.browserMs - own.decodeMs),
    };
    this.#samples.push({ at: this.#now(), spent });
    this.#forget(this.#samples);
  }

  /** @param {number} roundTripMs of a ping */
  answered(roundTripMs) {
    this.#roundTripMs = roundTripMs;
  }

  /** @returns {Summary} */
  summarize() {
    for (const list of [this.#updates, this.#frames, this.#samples]) this.#forget(list);
    const seconds = Math.min(WINDOW_MS, Math.max(LEAST_WINDOW_MS, this.#now() - this.#since)) / 1000;
    const bytes = this.#updates.reduce((sum, update) => sum + update.bytes, 0);
    return {
      roundTripMs: this.#roundTripMs,
      framesS: this.#frames.length / seconds,
      mbitS: bytes * 8 / 1e6 / seconds,
      exact: this.#exact,
      ...judge(this.#samples.map(({ spent }) => spent)),
    };
  }

  /** @param {{at: number}[]} list */
  #forget(list) {
    const from = this.#now() - WINDOW_MS;
    while (list[0] && list[0].at <= from) list.shift();
  }
}

/**
 * @param {Spent[]} samples
 * @returns {Pick<Summary, 'partsMs' | 'slowest'>}
 */
function judge(samples) {
  if (!samples.length) return { partsMs: null, slowest: null };
  const mean = (/** @type {Stage} */ stage) => samples.reduce((sum, spent) => sum + spent[stage], 0) / samples.length;
  const means = Object.values(STAGES).flat().map((stage) => ({ stage, ms: mean(stage) }));
  const total = (/** @type {Part} */ part) => STAGES[part].reduce((sum, stage) => sum + mean(stage), 0);
  return {
    partsMs: { server: total('server'), line: total('line'), browser: total('browser') },
    slowest: means.reduce((slowest, other) => (other.ms > slowest.ms ? other : slowest)),
  };
}
