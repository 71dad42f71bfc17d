import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Motion } from '../../static/js/input/motion.js';
import { Frames } from './support.js';

describe('Motion', () => {
  let frames, sent, motion;
  const move = (movementX, movementY, buttons = 0, scale = 1) => motion.move({ movementX, movementY, buttons }, scale);

  beforeEach(() => {
    [frames, sent] = [new Frames(), []];
    motion = new Motion(({ dx, dy, buttons }) => sent.push([dx, dy, buttons]), frames.schedule);
  });

  test('is added up and told once a frame', () => {
    for (let count = 0; count < 5; count += 1) move(3, -2);
    assert.deepEqual(sent, []);
    frames.draw();
    assert.deepEqual(sent, [[15, -10, 0]]);
    frames.draw();
    assert.equal(sent.length, 1);
  });

  test('loses nothing to the picture’s scale', () => {
    for (let count = 0; count < 9; count += 1) {
      move(1, 0, 0, 1.5);
      frames.draw();
    }
    assert.equal(sent.reduce((sum, [dx]) => sum + dx, 0), 13);
  });

  test('buttons go out at once, and go up when the pointer is free', () => {
    move(4, 0);
    move(1, 0, 1);
    assert.deepEqual(sent, [[5, 0, 1]]);
    assert.ok(motion.isHolding);
    motion.end();
    assert.deepEqual(sent.at(-1), [0, 0, 0]);
    assert.ok(!motion.isHolding);
  });
});
