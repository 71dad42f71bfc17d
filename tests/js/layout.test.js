import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { place, scaleOf, shownOf } from '../../static/js/layout.js';

const size = (width, height) => ({ width, height });

/** The place of a whole screen in a window. */
function fit(screen, win, ratio, mode = 'fit') {
  const { clip, canvas, isSharp } = place(shownOf(null, screen), screen, win, scaleOf(screen, win, ratio, mode), ratio);
  assert.deepEqual(canvas, { left: 0, top: 0, width: clip.width, height: clip.height });
  return { ...clip, isSharp };
}

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

describe('actual size', () => {
  test('is one remote pixel to one CSS pixel, and begins at the edge', () => {
    for (const ratio of [1, 1.5, 2, 3]) {
      const placed = fit(size(1920, 1080), size(800, 600), ratio, 'actual');
      assert.deepEqual(placed, { left: 0, top: 0, width: 1920, height: 1080, isSharp: Number.isInteger(ratio) });
    }
  });
});

describe('a part of the screen', () => {
  test('is shown alone, and the rest is beyond the clip', () => {
    const screen = size(3000, 1000), monitor = { x: 1000, y: 200, width: 800, height: 600 };
    for (const ratio of [1, 1.25, 2]) {
      const win = size(400, 400), scale = scaleOf(monitor, win, ratio, 'fit');
      const { clip, canvas } = place(monitor, screen, win, scale, ratio);
      assert.deepEqual([clip.width, clip.height], [400, 300]);
      assert.deepEqual([canvas.left, canvas.top], [-500, -100]);
      assert.deepEqual([canvas.width, canvas.height], [1500, 500]);
    }
  });

  test('is only what is there of it, and all where nothing is', () => {
    const screen = size(1000, 500);
    assert.deepEqual(shownOf({ x: 800, y: 0, width: 400, height: 900 }, screen), { x: 800, y: 0, width: 200, height: 500 });
    const all = { x: 0, y: 0, width: 1000, height: 500 };
    assert.deepEqual(shownOf({ x: 1000, y: 0, width: 400, height: 300 }, screen), all);
    assert.deepEqual(shownOf(null, screen), all);
  });
});
