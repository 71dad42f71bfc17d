import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Touch } from '../../static/js/input/touch.js';
import { Clock } from './support.js';

describe('Touch', () => {
  let clock, done, touch, paper;
  const contact = (pointerId, clientX, clientY) => ({ pointerId, clientX, clientY, timeStamp: clock.now });
  const down = (id, x, y) => touch.down(contact(id, x, y));
  const move = (id, x, y) => touch.move(contact(id, x, y));
  const up = (id, x = 0, y = 0) => touch.up(contact(id, x, y));
  const tap = (x, y) => {
    down(1, x, y);
    clock.pass(40);
    up(1);
  };
  const click = (x, y, button) => [`${x},${y} 0`, `${x},${y} ${button}`, `${x},${y} 0`];

  beforeEach(() => {
    clock = new Clock();
    done = [];
    paper = 0;
    const spot = { x: 100, y: 100 };
    touch = new Touch({
      point: ({ x, y }, buttons) => done.push(`${Math.round(x)},${Math.round(y)} ${buttons}`),
      turn: ({ x, y }, dx, dy) => done.push(`turn ${x},${y} by ${dx},${dy}`),
      zoom: (factor, { x, y }) => done.push(`zoom ${factor.toFixed(2)} at ${x},${y}`),
      pan: (dx, dy) => {
        const taken = Math.max(-paper, Math.min(paper, dy));
        paper -= Math.abs(taken);
        return { dx, dy: dy - taken };
      },
      pressLong: ({ x, y }) => done.push(`ring ${x},${y}`),
      glide: (dx, dy) => Object.assign(spot, { x: spot.x + dx, y: spot.y + dy }),
      whereabouts: () => spot,
    }, clock.setTimer, clock.clearTimer);
  });

  describe('direct', () => {
    test('a tap clicks, when it is one', () => {
      down(1, 30, 40);
      assert.deepEqual(done, []);
      move(1, 33, 41);
      up(1);
      assert.deepEqual(done, click(30, 40, 1));
      clock.pass(2000);
      assert.equal(done.length, 3);
    });

    test('two taps are at one place', () => {
      tap(30, 40);
      clock.pass(100);
      tap(45, 50);
      assert.deepEqual(done, [...click(30, 40, 1), ...click(30, 40, 1)]);
    });

    test('two taps far apart in place or time are at two', () => {
      tap(30, 40);
      clock.pass(100);
      tap(90, 40);
      clock.pass(1000);
      tap(95, 40);
      assert.deepEqual(done.filter((act) => act.endsWith(' 1')), ['30,40 1', '90,40 1', '95,40 1']);
    });

    test('a finger that moves drags from where it began', () => {
      down(1, 30, 40);
      clock.pass(200);
      move(1, 45, 40);
      move(1, 80, 60);
      up(1);
      assert.deepEqual(done, ['30,40 0', '30,40 1', '45,40 1', '80,60 1', '80,60 0']);
    });

    test('a finger that rests clicks right, once', () => {
      down(1, 30, 40);
      clock.pass(499);
      assert.deepEqual(done, []);
      clock.pass(1);
      assert.deepEqual(done, ['ring 30,40', ...click(30, 40, 4)]);
      move(1, 200, 200);
      up(1);
      assert.equal(done.length, 4);
    });

    test('a quick finger waits for a second one before it drags', () => {
      down(1, 30, 40);
      clock.pass(20);
      move(1, 60, 40);
      assert.deepEqual(done, []);
      clock.pass(70);
      assert.deepEqual(done, ['30,40 0', '30,40 1', '60,40 1']);
    });

    test('a flick that is over before that does nothing', () => {
      down(1, 30, 40);
      clock.pass(20);
      move(1, 80, 40);
      up(1);
      clock.pass(1000);
      assert.deepEqual(done, []);
    });
  });

  describe('several fingers', () => {
    test('two tap right, three the middle', () => {
      down(1, 30, 40);
      down(2, 90, 40);
      up(2);
      up(1);
      assert.deepEqual(done, click(30, 40, 4));
      done.length = 0;
      for (const id of [1, 2, 3]) down(id, 30 * id, 40);
      for (const id of [1, 2, 3]) up(id);
      assert.deepEqual(done, click(90, 40, 2));
    });

    test('together they turn the wheel', () => {
      down(1, 30, 100);
      down(2, 90, 100);
      for (const y of [80, 60]) {
        move(1, 30, y);
        move(2, 90, y);
      }
      up(1);
      up(2);
      assert.ok(done.length > 0);
      assert.ok(done.every((act) => act.startsWith('turn')));
      const turned = done.map((act) => Number(act.split(',').at(-1)));
      assert.ok(turned.every((dy) => dy > 0), 'the paper goes up with the fingers: the page scrolls down');
    });

    test('together they move what is enlarged first, then turn the wheel', () => {
      paper = 25;
      down(1, 30, 100);
      down(2, 90, 100);
      for (const y of [80, 60, 40]) {
        move(1, 30, y);
        move(2, 90, y);
      }
      const turned = done.map((act) => Number(act.split(',').at(-1))).reduce((sum, dy) => sum + dy, 0);
      // Of the 60 pixels, 25 were paper's; some went by before it was clear what the fingers want.
      assert.ok(turned > 0 && turned <= 35, String(turned));
    });

    test('apart they enlarge about their middle', () => {
      down(1, 100, 100);
      down(2, 200, 100);
      move(1, 50, 100);
      move(2, 250, 100);
      assert.deepEqual(done, ['zoom 1.50 at 125,100', 'zoom 1.33 at 150,100']);
      up(1);
      move(2, 300, 300);
      up(2);
      assert.equal(done.length, 2);
    });

    test('end a drag that one had begun', () => {
      down(1, 30, 40);
      clock.pass(200);
      move(1, 60, 40);
      down(2, 120, 40);
      assert.equal(done.at(-1), '60,40 0');
      move(1, 10, 40);
      move(2, 200, 40);
      up(1);
      up(2);
      assert.ok(done.slice(-1)[0].endsWith(' 0'));
    });
  });

  describe('trackpad', () => {
    beforeEach(() => (touch.mode = 'trackpad'));

    test('a finger moves the pointer by its way, faster when it is fast', () => {
      down(1, 500, 500);
      clock.pass(1000 / 60);
      move(1, 511, 500);
      const slow = Number(done.at(-1).split(',')[0]) - 100;
      assert.ok(slow >= 11 && slow < 30, String(slow));
      clock.pass(1);
      move(1, 551, 500);
      assert.ok(Number(done.at(-1).split(',')[0]) - 100 - slow > 80);
      assert.ok(done.every((act) => act.endsWith(' 0')));
    });

    test('a tap clicks where the pointer is', () => {
      tap(700, 20);
      assert.deepEqual(done, click(100, 100, 1));
    });

    test('a tap and a finger that moves drag', () => {
      tap(700, 20);
      clock.pass(100);
      down(1, 300, 300);
      clock.pass(100);
      move(1, 320, 300);
      up(1);
      const buttons = done.slice(3).map((act) => act.split(' ')[1]);
      assert.deepEqual(buttons, ['0', '1', '1', '0']);
    });

    test('a finger that rests clicks right at the pointer', () => {
      down(1, 5, 5);
      clock.pass(500);
      assert.deepEqual(done, ['ring 100,100', ...click(100, 100, 4)]);
    });
  });

  test('a gesture that is cancelled leaves nothing down', () => {
    down(1, 30, 40);
    clock.pass(200);
    move(1, 60, 40);
    touch.cancel();
    assert.equal(done.at(-1), '60,40 0');
    move(1, 90, 40);
    up(1);
    clock.pass(1000);
    assert.equal(done.at(-1), '60,40 0');
    tap(10, 10);
    assert.deepEqual(done.slice(-3), click(10, 10, 1));
  });
});
