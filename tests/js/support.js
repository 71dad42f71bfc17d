/** What several tests use: bytes, chance, time. */

import { mock } from 'node:test';

/** Have the test turn the clock of these timers. Node 18, which Debian 12 has, takes their names in another way. */
export function mockTimers(...apis) {
  const isOld = Number(process.versions.node.split('.')[0]) < 20;
  mock.timers.enable(isOld ? apis : { apis });
}

/** @param {string} hex */
export function bufferOf(hex) {
  return Uint8Array.from(Buffer.from(hex, 'hex')).buffer;
}

/** @param {ArrayBuffer | Uint8Array} data */
export function hexOf(data) {
  return Buffer.from(data).toString('hex');
}

/** The same sequence of numbers in 0…1 for the same seed (mulberry32). */
export function randomOf(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Waits until all promises that are settled have been heard. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Animation frames that a test draws. */
export class Frames {
  callbacks = [];
  schedule = (callback) => this.callbacks.push(callback);

  draw(at = 0) {
    for (const callback of this.callbacks.splice(0)) callback(at);
  }
}

/** A clock with timers that a test turns. */
export class Clock {
  now = 0;
  timers = new Map();
  #id = 0;

  setTimer = (callback, delayMs) => {
    this.timers.set(++this.#id, { callback, at: this.now + delayMs });
    return this.#id;
  };

  clearTimer = (timer) => this.timers.delete(timer);

  pass(ms) {
    const until = this.now + ms;
    for (;;) {
      const due = [...this.timers].filter(([, { at }]) => at <= until).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.timers.delete(due[0]);
      this.now = due[1].at;
      due[1].callback();
    }
    this.now = until;
  }

  get delays() {
    return [...this.timers.values()].map(({ at }) => at - this.now);
  }
}
