import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Caret } from '../../static/js/input/caret.js';

describe('Caret', () => {
  let caret;
  const deflated = (...rects) => ({
    kind: 'deflated', rects: rects.map(([left, top, width, height]) => ({ left, top, width, height })),
  });

  beforeEach(() => {
    caret = new Caret();
    caret.typed(1000);
  });

  test('is after the character that appears when a key is typed', () => {
    assert.deepEqual(caret.find([deflated([100, 50, 8, 16])], 1020), { x: 108, y: 50 });
    assert.deepEqual(caret.find([deflated([108, 50, 8, 16], [116, 51, 8, 15])], 1020), { x: 124, y: 50 });
    // Over a slow line.
    assert.deepEqual(caret.find([deflated([124, 50, 8, 16])], 1900), { x: 132, y: 50 });
  });

  test('is not told from what changes without a key, or long after it', () => {
    assert.equal(new Caret().find([deflated([100, 50, 8, 16])], 1020), null);
    assert.equal(caret.find([deflated([100, 50, 8, 16])], 2001), null);
  });

  test('is not told from what is no character', () => {
    assert.equal(caret.find([], 1020), null);
    assert.equal(caret.find([deflated([100, 50, 300, 16])], 1020), null);
    assert.equal(caret.find([deflated([100, 50, 8, 16], [700, 500, 8, 16])], 1020), null);
    assert.equal(caret.find([deflated([100, 50, 8, 16]), { kind: 'fill', colour: '#fff', blocks: [3] }], 1020), null);
  });
});
