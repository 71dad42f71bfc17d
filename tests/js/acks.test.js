import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Acks } from '../../static/js/acks.js';
import { Frames } from './support.js';

describe('Acks', () => {
  let frames, sent, acks;

  beforeEach(() => {
    [frames, sent] = [new Frames(), []];
    acks = new Acks(({ seq }) => sent.push(seq), frames.schedule);
  });

  test('one goes out with the frame, for the latest update painted', () => {
    acks.painted({ seq: 1, decodeMs: 1 }, false);
    acks.painted({ seq: 2, decodeMs: 1 }, false);
    assert.deepEqual(sent, []);
    frames.draw();
    assert.deepEqual(sent, [2]);
    frames.draw();
    assert.deepEqual(sent, [2]);
  });

  test('a hidden page, which draws no frames, acknowledges at once', () => {
    acks.painted({ seq: 1, decodeMs: 1 }, true);
    assert.deepEqual(sent, [1]);
  });

  test('a page that gets hidden does not owe an acknowledgement', () => {
    acks.painted({ seq: 1, decodeMs: 1 }, false);
    acks.flush();
    frames.draw();
    assert.deepEqual(sent, [1]);
  });

  test('a new connection is not told of updates of the last', () => {
    acks.painted({ seq: 1, decodeMs: 1 }, false);
    acks.reset();
    frames.draw();
    assert.deepEqual(sent, []);
  });
});
