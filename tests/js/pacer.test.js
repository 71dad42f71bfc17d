import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Pacer } from '../../static/js/pacer.js';
import { Frames } from './support.js';

const FAR_MS = 40;
const NEAR_MS = 5;

describe('Pacer', () => {
  let frames, now, painted, pacer;

  /** What the next frame shows. */
  const drawn = () => {
    const shown = painted.splice(0);
    frames.draw(now);
    return shown;
  };

  const take = (...pictures) => pictures.forEach((picture) => pacer.take(picture, false));

  beforeEach(() => {
    [frames, now, painted] = [new Frames(), 1000, []];
    pacer = new Pacer((picture) => painted.push(picture), frames.schedule, () => now);
    pacer.answered(FAR_MS);
  });

  test('a picture is painted as soon as it is there', () => {
    take('a');
    assert.deepEqual(painted, ['a']);
  });

  test('a second one in the same frame has the next for itself', () => {
    take('a', 'b');
    assert.deepEqual(drawn(), ['a']);
    assert.deepEqual(drawn(), ['b']);
    assert.deepEqual(drawn(), []);
    take('c');
    assert.deepEqual(painted, ['c']);
  });

  test('each goes on having a frame while they come as often as frames', () => {
    take('a', 'b');
    assert.deepEqual(drawn(), ['a']);
    take('c');
    assert.deepEqual(drawn(), ['b']);
    take('d');
    assert.deepEqual(drawn(), ['c']);
    assert.deepEqual(drawn(), ['d']);
  });

  test('no more than one waits', () => {
    take('a', 'b', 'c');
    assert.deepEqual(drawn(), ['a', 'b']);
    assert.deepEqual(drawn(), ['c']);
  });

  test('on a near line only what is just in time for its frame waits', () => {
    pacer.answered(NEAR_MS);
    take('a');
    assert.deepEqual(drawn(), ['a']);
    now += 5;
    take('b', 'c');
    assert.deepEqual(drawn(), ['b', 'c']);
    now += 9;
    take('d');
    now += 6;
    take('e');
    assert.deepEqual(drawn(), ['d']);
    assert.deepEqual(drawn(), ['e']);
  });

  test('none waits before it is known how far the line is, nor what was known of another', () => {
    pacer.reset();
    take('a', 'b');
    assert.deepEqual(drawn(), ['a', 'b']);
  });

  test('what somebody does is seen at once, with what waited before it', () => {
    pacer.acted();
    now += FAR_MS;
    take('a', 'b');
    assert.deepEqual(drawn(), ['a', 'b']);
    now += 50;
    take('c', 'd');
    assert.deepEqual(drawn(), ['c', 'd']);
    now += 1;
    take('e', 'f');
    assert.deepEqual(drawn(), ['e']);
    now += 1000;
    pacer.acted();
    now += FAR_MS;
    take('g');
    assert.deepEqual(drawn(), ['f', 'g']);
  });

  test('what comes before an answer can be there has its own frame', () => {
    pacer.acted();
    now += FAR_MS - 1;
    take('a', 'b');
    assert.deepEqual(drawn(), ['a']);
  });

  test('nothing waits while somebody acts without a break', () => {
    for (let ms = 0; ms < 200; ms += 10, now += 10) pacer.acted();
    take('a', 'b');
    assert.deepEqual(drawn(), ['a', 'b']);
  });

  test('a page that is or gets hidden paints at once', () => {
    take('a', 'b');
    pacer.flush();
    assert.deepEqual(painted.splice(0), ['a', 'b']);
    pacer.take('c', true);
    pacer.take('d', true);
    assert.deepEqual(painted.splice(0), ['c', 'd']);
  });

  test('nothing is lost with a connection', () => {
    take('a', 'b');
    pacer.reset();
    assert.deepEqual(drawn(), ['a', 'b']);
  });
});
