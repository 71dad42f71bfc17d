import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Pointer, toScreen, toWireButtons } from '../../static/js/input/pointer.js';
import { Frames } from './support.js';

describe('toScreen', () => {
  test('is the pixel under the point, at any scale', () => {
    for (const scale of [1, 0.5, 1 / 3, 2, 0.7273]) {
      const box = { left: 12.5, top: 40, width: 1920 * scale, height: 1080 * scale };
      for (const [x, y] of [[0, 0], [1, 1], [959, 540], [1919, 1079]]) {
        const point = { clientX: 12.5 + (x + 0.5) * scale, clientY: 40 + (y + 0.5) * scale };
        assert.deepEqual(toScreen(point, box, { width: 1920, height: 1080 }), { x, y });
      }
    }
  });

  test('stays on the screen when a drag leaves it', () => {
    const box = { left: 100, top: 100, width: 640, height: 480 };
    assert.deepEqual(toScreen({ clientX: 0, clientY: 5000 }, box, { width: 640, height: 480 }), { x: 0, y: 479 });
  });

  test('has an answer for a canvas that is not shown', () => {
    const box = { left: 0, top: 0, width: 0, height: 0 };
    assert.deepEqual(toScreen({ clientX: 5, clientY: 5 }, box, { width: 640, height: 480 }), { x: 0, y: 0 });
  });
});

test('buttons change their order, and those that the protocol lacks are left out', () => {
  assert.deepEqual([1, 2, 4, 8, 16, 32, 31].map(toWireButtons), [1, 4, 2, 8, 16, 0, 31]);
});

describe('Pointer', () => {
  let frames, sent, pointer, reads;
  const at = (x, y, buttons = 0) => ({ clientX: x, clientY: y, buttons, isPrimary: true });

  beforeEach(() => {
    [frames, sent, reads] = [new Frames(), [], 0];
    const canvas = {
      width: 640, height: 480,
      getBoundingClientRect: () => { reads++; return { left: 0, top: 0, width: 640, height: 480 }; },
    };
    pointer = new Pointer(canvas, ({ x, y, buttons }) => sent.push([x, y, buttons]), frames.schedule);
  });

  test('motion goes out at once, then once a frame, the newest', () => {
    for (const x of [1, 2, 3]) pointer.move(at(x, 0));
    assert.deepEqual(sent, [[1, 0, 0]]);
    frames.draw();
    assert.deepEqual(sent, [[1, 0, 0], [3, 0, 0]]);
    frames.draw();
    pointer.move(at(4, 0));
    assert.deepEqual(sent.at(-1), [4, 0, 0]);
  });

  test('a button goes out at once, after the motion that came before it', () => {
    for (const x of [1, 2]) pointer.move(at(x, 0));
    pointer.move(at(3, 0, 1));
    assert.deepEqual(sent, [[1, 0, 0], [2, 0, 0], [3, 0, 1]]);
    frames.draw();
    assert.equal(sent.length, 3);
    assert.ok(pointer.isHolding);
  });

  test('a pointer that did not move says nothing', () => {
    pointer.move(at(1, 1));
    frames.draw();
    pointer.move(at(1.4, 1.4));
    assert.deepEqual(sent, [[1, 1, 0]]);
  });

  test('a gesture that is cancelled lets go where it was', () => {
    pointer.move(at(5, 5, 1));
    pointer.cancel();
    pointer.cancel();
    assert.deepEqual(sent, [[5, 5, 1], [5, 5, 0]]);
  });

  test('a second finger is ignored', () => {
    pointer.move({ ...at(9, 9, 1), isPrimary: false });
    assert.deepEqual(sent, []);
  });

  test('the layout is read once until it may have changed', () => {
    for (const x of [1, 2, 3]) pointer.move(at(x, 0));
    assert.equal(reads, 1);
    pointer.invalidate();
    pointer.move(at(4, 0));
    assert.equal(reads, 2);
  });
});
