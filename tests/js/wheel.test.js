import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Wheel } from '../../static/js/input/wheel.js';

describe('Wheel', () => {
  let sent, wheel;
  const turn = (deltaMode, deltaX, deltaY) => wheel.turn({ deltaMode, deltaX, deltaY, clientX: 1, clientY: 2 });

  beforeEach(() => {
    sent = [];
    wheel = new Wheel(() => ({ x: 7, y: 8 }), (message) => sent.push(message));
  });

  test('a notch is a notch in pixels, lines and pages', () => {
    for (const [mode, delta] of [[0, 100], [1, 3], [2, 1]]) turn(mode, 0, delta);
    assert.deepEqual(sent.map(({ dy }) => dy), [120, 120, 120]);
    assert.deepEqual(sent[0], { type: 'wheel', x: 7, y: 8, dx: 0, dy: 120 });
  });

  test('right and down are positive', () => {
    turn(0, -100, -50);
    assert.deepEqual([sent[0].dx, sent[0].dy], [-120, -60]);
  });

  test('small steps of a touchpad add up and nothing is lost', () => {
    for (let step = 0; step < 1000; step++) turn(0, 0.3, -0.7);
    const sum = (name) => sent.reduce((total, message) => total + message[name], 0);
    assert.ok(Math.abs(sum('dx') - 360) <= 1 && Math.abs(sum('dy') + 840) <= 1);
    assert.ok(sent.every(({ dx, dy }) => Number.isInteger(dx) && Number.isInteger(dy) && (dx || dy)));
  });

  test('a step too small to count sends nothing yet', () => {
    turn(0, 0, 0.4);
    assert.deepEqual(sent, []);
    turn(0, 0, 0.5);
    assert.equal(sent[0].dy, 1);
  });

  test('what the protocol does not allow is not sent', () => {
    turn(0, 1e9, -1e9);
    assert.deepEqual([sent[0].dx, sent[0].dy], [12000, -12000]);
  });

  test('a notch is a notch at any zoom of the page, and whatever lines the system scrolls by', () => {
    for (const deltaY of [20, 80, 100, 233]) {
      wheel.turn({ deltaMode: 0, deltaX: 0, deltaY, wheelDeltaX: 0, wheelDeltaY: -120, clientX: 1, clientY: 2 });
    }
    assert.deepEqual(sent.map(({ dy }) => dy), [120, 120, 120, 120]);
  });

  test('a trackpad turns by its pixels, also where they make a round number', () => {
    for (const [deltaY, wheelDeltaY] of [[7, -21], [40, -120], [-80, 240]]) {
      wheel.turn({ deltaMode: 0, deltaX: 0, deltaY, wheelDeltaX: 0, wheelDeltaY, clientX: 1, clientY: 2 });
    }
    assert.deepEqual(sent.map(({ dy }) => dy), [8, 48, -95]);
  });
});
