/** Transport: the connection's life. It connects, and connects again for as long as there is hope. */

import { TIMERS } from './clock.js';
import { CLOSE_MALFORMED, CLOSE_OTHER_VERSION, CLOSE_SESSION_ENDED } from './wire.js';

const FIRST_DELAY_MS = 250;
const MOST_DELAY_MS = 10_000;
/** A connection that lived shorter than this counts as a failed try, so that a server that closes at once gets rest. */
const STEADY_MS = 5_000;
/** Browsers give a dead address minutes. */
const CONNECT_MS = 10_000;

/** @typedef {'idle' | 'connecting' | 'open' | 'waiting' | 'signed-out' | 'outdated'} TransportState */

/** @type {Record<TransportState, TransportState[]>} */
const MAY_BECOME = {
  idle: ['connecting'],
  connecting: ['open', 'waiting', 'signed-out', 'outdated', 'idle'],
  open: ['waiting', 'signed-out', 'outdated', 'idle'],
  waiting: ['connecting', 'signed-out', 'idle'],
  'signed-out': ['connecting', 'idle'],
  outdated: [],
};

/** The parts of a Line that are used here.
 * @typedef {Pick<import('./line.js').Line, 'send' | 'close' | 'onopen' | 'onmessage' | 'onclose'>} Socket */
/** @typedef {import('./line.js').Message | import('./decoder.js').Decoded | Error} Received */

/**
 * @typedef {object} Outside what Transport needs of the world, so that tests can be the world
 * @property {() => Socket} openSocket
 * @property {() => Promise<boolean>} isSignedOut asked where a connection failed before it opened; rejects offline
 * @property {() => number} now in ms
 * @property {() => number} random
 * @property {(callback: () => void, delayMs: number) => any} setTimer
 * @property {(timer: any) => void} clearTimer
 */

/**
 * @typedef {object} Listener
 * @property {(state: TransportState, code?: number) => void} onState `code` where the server closed the connection
 * @property {(received: Received) => void} onMessage an Error where what came is broken
 */

export class Transport {
  /** @type {TransportState} */
  #state = 'idle';
  /** @type {Socket | null} */
  #socket = null;
  #failures = 0;
  #openedAt = 0;
  /** @type {any} */
  #timer = null;
  #outside;
  #listener;

  /**
   * @param {Listener} listener
   * @param {Outside} outside
   */
  constructor(listener, outside) {
    this.#listener = listener;
    this.#outside = outside;
  }

  get state() {
    return this.#state;
  }

  /** Connect now, unless that is being done or would be in vain. */
  connect() {
    if (!MAY_BECOME[this.#state].includes('connecting')) return;
    this.#outside.clearTimer(this.#timer);
    const socket = this.#socket = this.#outside.openSocket();
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => this.#listener.onMessage(data);
    socket.onclose = ({ code }) => this.#closed(code);
    this.#timer = this.#outside.setTimer(() => this.restart(), CONNECT_MS);
    this.#become('connecting');
  }

  /**
   * Send if there is a connection. Nothing is kept for later: old input would do harm.
   * @param {string | ArrayBuffer} data
   */
  send(data) {
    if (this.#state === 'open') this.#socket?.send(data);
  }

  /** Give this connection up as broken, and connect again soon. */
  restart(code = CLOSE_MALFORMED) {
    if (this.#state !== 'open' && this.#state !== 'connecting') return;
    this.#socket?.close(code);
    this.#wait();
  }

  /** Close the connection, and don't connect again before that is asked for. */
  disconnect() {
    if (!MAY_BECOME[this.#state].includes('idle')) return;
    this.#socket?.close();
    this.#drop();
    this.#failures = 0;
    this.#become('idle');
  }

  #opened() {
    this.#outside.clearTimer(this.#timer);
    this.#openedAt = this.#outside.now();
    this.#become('open');
  }

  /** @param {number} code */
  #closed(code) {
    const wasOpen = this.#state === 'open';
    if (code === CLOSE_SESSION_ENDED) return this.#end('signed-out');
    if (code === CLOSE_OTHER_VERSION) return this.#end('outdated');
    const socket = this.#socket;
    this.#wait(code);
    if (!wasOpen && socket) this.#askWhy();
  }

  /** A browser doesn't tell why an upgrade failed; the server does, if asked in another way. */
  #askWhy() {
    this.#outside.isSignedOut().then((isSignedOut) => {
      if (isSignedOut && this.#state === 'waiting') this.#end('signed-out');
    }, () => {});
  }

  /** @param {'signed-out' | 'outdated'} state */
  #end(state) {
    this.#drop();
    this.#failures = 0;
    this.#become(state);
  }

  /** @param {number} [code] */
  #wait(code) {
    if (this.#state === 'open' && this.#outside.now() - this.#openedAt >= STEADY_MS) this.#failures = 0;
    this.#drop();
    const mostMs = Math.min(MOST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures++);
    // Full jitter: when a server comes back, its viewers don't come all at once.
    this.#timer = this.#outside.setTimer(() => this.connect(), this.#outside.random() * mostMs);
    this.#become('waiting', code);
  }

  /** Let go of the socket: whatever it still says isn't heard. */
  #drop() {
    this.#outside.clearTimer(this.#timer);
    if (this.#socket) this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket = null;
  }

  /**
   * @param {TransportState} state
   * @param {number} [code]
   */
  #become(state, code) {
    if (!MAY_BECOME[this.#state].includes(state)) throw new Error(`a transport can't go from ${this.#state} to ${state}`);
    this.#state = state;
    this.#listener.onState(state, code);
  }
}

/**
 * @param {import('./line.js').LineThread} thread
 * @param {import('./auth.js').Access} access
 * @returns {Outside}
 */
export function browser(thread, access) {
  return {
    openSocket: () => thread.open(access.streamUrl, access.protocols),
    isSignedOut: () => access.isSignedOut(),
    random: Math.random,
    ...TIMERS,
  };
}
