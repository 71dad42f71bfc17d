import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Sizing } from '../../static/js/sizing.js';
import { Clock } from './support.js';

const CAN = { type: 'size', mode: 'follow', can_follow: true, reason: '' };
const FIT = { ...CAN, mode: 'fit' };
const FIXED = { type: 'size', mode: 'fit', can_follow: false, reason: 'It has two monitors.' };

describe('Sizing', () => {
  let clock, win, isHidden, stored, sent, changes, sizing;
  const widths = () => sent.splice(0).map(({ width }) => width);
  const drag = (width) => {
    win = { ...win, width };
    sizing.update();
  };
  const make = () => new Sizing({
    onWindow: (message) => sent.push(message),
    onChange: () => changes++,
  }, {
    measure: () => win,
    isHidden: () => isHidden,
    load: (key) => stored.get(key) ?? null,
    save: (key, value) => stored.set(key, value),
    now: () => clock.now,
    setTimer: clock.setTimer,
    clearTimer: clock.clearTimer,
  });

  beforeEach(() => {
    [clock, isHidden, stored, sent, changes] = [new Clock(), false, new Map(), [], 0];
    win = { width: 1600, height: 900, scale: 2 };
    sizing = make();
    sizing.enter('desk');
  });

  test('tells the window once the server can follow it, and again after a new connection', () => {
    sizing.update();
    assert.deepEqual(sent, []);
    for (let connection = 0; connection < 2; connection++) {
      sizing.told(CAN);
      assert.deepEqual(sent.splice(0), [{ type: 'window', ...win, follow: true, lead: false }]);
      sizing.told(CAN);
      sizing.update();
      assert.deepEqual(sent, []);
      sizing.forget();
      sizing.enter('desk');
    }
  });

  test('a window that is dragged is told a few times a second, the last size always', () => {
    sizing.told(CAN);
    widths();
    for (let width = 1000; width < 1100; width++) {
      clock.pass(10);
      drag(width);
    }
    clock.pass(250);
    const told = widths();
    assert.ok(told.length >= 4 && told.length <= 5, String(told));
    assert.equal(told.at(-1), 1099);
    assert.deepEqual(clock.delays, []);
  });

  test('after a while without change the next is told at once', () => {
    sizing.told(CAN);
    clock.pass(1000);
    widths();
    drag(1000);
    assert.deepEqual(widths(), [1000]);
  });

  test('a window that is as it was is not told', () => {
    sizing.told(CAN);
    widths();
    drag(1000);
    drag(1600);
    clock.pass(1000);
    assert.deepEqual(widths(), []);
  });

  test('a ratio that changes alone is told', () => {
    sizing.told(CAN);
    clock.pass(1000);
    sent.length = 0;
    win = { ...win, scale: 1 };
    sizing.update();
    assert.equal(sent[0].scale, 1);
  });

  test('where fit is the default nothing is told', () => {
    sizing.told(FIT);
    assert.equal(sizing.mode, 'fit');
    assert.deepEqual(sent, []);
  });

  test('who chooses follow leads, once; who chooses another takes it back', () => {
    sizing.told(FIT);
    changes = 0;
    sizing.choose('follow');
    assert.deepEqual(sent.splice(0), [{ type: 'window', ...win, follow: true, lead: true }]);
    clock.pass(1000);
    drag(1000);
    assert.equal(sent.pop().lead, false);
    sizing.choose('follow');
    assert.equal(sent.pop().lead, true);
    sizing.choose('actual');
    assert.equal(sizing.mode, 'actual');
    assert.deepEqual(sent.splice(0), [{ type: 'window', ...win, follow: false, lead: false }]);
    drag(1200);
    clock.pass(1000);
    assert.deepEqual(sent, []);
    assert.equal(changes, 3);
  });

  test('what was chosen is remembered for this desktop', () => {
    sizing.told(CAN);
    sizing.choose('actual');
    const again = make();
    again.enter('desk');
    again.told(CAN);
    assert.equal(again.mode, 'actual');
    again.enter('other');
    again.told(CAN);
    assert.equal(again.mode, 'follow');
    stored.set('voxy-size desk', 'nonsense');
    again.enter('desk');
    again.told(CAN);
    assert.equal(again.mode, 'follow');
  });

  test('a desktop that can not follow is fitted, with the reason, until it can', () => {
    sizing.told(FIXED);
    sizing.choose('follow');
    assert.deepEqual([sizing.mode, sizing.canFollow, sizing.reason], ['fit', false, 'It has two monitors.']);
    assert.deepEqual(sent, []);
    changes = 0;
    sizing.told(FIT);
    assert.equal(sizing.mode, 'follow');
    assert.equal(changes, 1);
    assert.deepEqual(widths(), [1600]);
  });

  test('a desktop that can not follow any more is told again when it can', () => {
    sizing.told(CAN);
    sizing.told(FIXED);
    assert.equal(sent.at(-1).follow, false);
    sent.length = 0;
    sizing.told(CAN);
    clock.pass(250);
    assert.deepEqual(widths(), [1600]);
  });

  test('a hidden page tells nothing, and its window again when it is shown', () => {
    isHidden = true;
    sizing.told(CAN);
    drag(1000);
    clock.pass(1000);
    assert.deepEqual(sent, []);
    isHidden = false;
    sizing.show();
    assert.deepEqual(widths(), [1000]);
    clock.pass(1000);
    sizing.show();
    assert.deepEqual(widths(), [1000]);
  });

  test('nothing is sent once the connection is gone', () => {
    sizing.told(CAN);
    widths();
    drag(1000);
    sizing.forget();
    clock.pass(1000);
    drag(1100);
    assert.deepEqual(sent, []);
    assert.equal(sizing.mode, 'fit');
  });
});
