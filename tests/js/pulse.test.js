import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';

import { Pulse } from '../../static/js/pulse.js';

describe('Pulse', () => {
  let now, said, isHurried, pulse, beat;
  const pass = (ms) => {
    for (let left = ms; left > 0; left -= 500) {
      now += 500;
      beat?.();
    }
  };
  const pings = () => said.splice(0).filter((word) => word === 'ping').length;

  beforeEach(() => {
    mock.method(globalThis, 'setInterval', (callback) => { beat = callback; });
    mock.method(globalThis, 'clearInterval', () => { beat = null; });
    beat = null;
    [now, said, isHurried] = [0, [], false];
    pulse = new Pulse({
      onPing: () => said.push('ping'),
      onStale: (isStale) => said.push(isStale ? 'stale' : 'fresh'),
      onDead: () => said.push('dead'),
      isHurried: () => isHurried,
    }, () => now);
    pulse.start();
  });

  afterEach(() => {
    pulse.stop();
    mock.restoreAll();
  });

  test('pings at once, then every 2 s', () => {
    assert.equal(pings(), 1);
    for (let round = 0; round < 3; round++) {
      pulse.heard();
      pass(2000);
      assert.equal(pings(), 1);
    }
  });

  test('pings every 500 ms while something is held', () => {
    pings();
    isHurried = true;
    for (let round = 0; round < 4; round++) {
      pulse.heard();
      pass(500);
      assert.equal(pings(), 1);
    }
  });

  test('a ping without an answer makes the picture stale after 2 s, and any message fresh', () => {
    pass(1500);
    assert.ok(!said.includes('stale'));
    pass(500);
    assert.ok(said.includes('stale'));
    pulse.heard();
    assert.equal(said.at(-1), 'fresh');
  });

  test('an answer tells the round trip of its ping, once', () => {
    const [first, second] = [1, 2];
    isHurried = true;
    pass(500);
    now += 30;
    assert.equal(pulse.answered(first), 530);
    assert.equal(pulse.answered(second), 30);
    assert.equal(pulse.answered(second), null);
    pulse.start();
    assert.equal(pulse.answered(second), null);
  });

  test('10 s of silence are the end', () => {
    pass(9500);
    assert.ok(!said.includes('dead'));
    pass(500);
    assert.ok(said.includes('dead'));
  });

  test('after a sleep 3 s are', () => {
    pulse.start({ afterSleep: true });
    pass(3000);
    assert.ok(said.includes('dead'));
  });

  test('a stopped pulse says nothing', () => {
    pulse.stop();
    said = [];
    pass(20_000);
    assert.deepEqual(said, []);
  });
});
