import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { fit } from '../../static/js/layout.js';

const size = (width, height) => ({ width, height });

describe('fit', () => {
  test('a screen as large as the window covers it, unscaled', () => {
    assert.deepEqual(fit(size(1920, 1080), size(1920, 1080), 1), {
      left: 0, top: 0, width: 1920, height: 1080, isSharp: true,
    });
  });

  test('a smaller screen is centred and not enlarged', () => {
    assert.deepEqual(fit(size(1280, 720), size(1920, 1080), 1), {
      left: 320, top: 180, width: 1280, height: 720, isSharp: true,
    });
  });

  test('a larger screen is made smaller, and keeps its aspect', () => {
    const { width, height, top, isSharp } = fit(size(1920, 1080), size(960, 700), 1);
    assert.deepEqual([width, height, top, isSharp], [960, 540, 80, false]);
  });

  test('a screen as large as the window in device pixels is mapped one to one', () => {
    for (const ratio of [1.25, 1.5, 2, 3]) {
      const screen = size(Math.round(1280 * ratio), Math.round(801 * ratio));
      const placed = fit(screen, size(1280, 801), ratio);
      assert.deepEqual([placed.left, placed.top, placed.isSharp], [0, 0, true]);
      assert.equal(placed.width * ratio, screen.width);
      assert.equal(placed.height * ratio, screen.height);
    }
  });

  test('a screen that fits at one to one is shown at the size of the window’s own things', () => {
    const { width, isSharp } = fit(size(1280, 720), size(1440, 900), 2);
    assert.deepEqual([width, isSharp], [1280, true]);
  });

  test('a picture that is nearly sharp is made sharp', () => {
    const { width, isSharp } = fit(size(2560, 1600), size(1320, 825), 2);
    assert.deepEqual([width, isSharp], [1280, true]);
  });

  test('edges lie on device pixels', () => {
    for (let width = 300; width < 1400; width += 37) {
      for (const ratio of [1, 1.25, 1.5, 1.75, 2, 2.625]) {
        const placed = fit(size(1366, 768), size(width, 611), ratio);
        for (const edge of [placed.left, placed.top, placed.width, placed.height]) {
          assert.ok(Math.abs(edge * ratio - Math.round(edge * ratio)) < 1e-9);
        }
        assert.ok(placed.left + placed.width <= width + 1 / ratio);
      }
    }
  });
});
