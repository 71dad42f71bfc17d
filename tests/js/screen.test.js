import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Screen, runs } from '../../static/js/screen.js';
import { WireError } from '../../static/js/malformed.js';
import { randomOf } from './support.js';

globalThis.ImageData = class {
  constructor(data, width) {
    Object.assign(this, { data, width });
  }
};

const range = (from, to) => Array.from({ length: to - from }, (_, index) => from + index);

describe('runs', () => {
  test('a whole screen is one rect', () => {
    assert.deepEqual(runs(range(0, 510), 30, 30), [
      { column: 0, row: 0, imageColumn: 0, imageRow: 0, columns: 30, rows: 17 },
    ]);
  });

  test('a rect that is packed as it is, is one rect', () => {
    assert.deepEqual(runs([32, 33, 62, 63], 2, 30), [
      { column: 2, row: 1, imageColumn: 0, imageRow: 0, columns: 2, rows: 2 },
    ]);
  });

  test('neighbours in number but not in row are apart', () => {
    assert.deepEqual(runs([29, 30], 2, 30).map(({ column, row }) => [column, row]), [[29, 0], [0, 1]]);
  });

  test('the end of a row of the image ends a run', () => {
    assert.deepEqual(runs([5, 6, 7, 8], 3, 30), [
      { column: 5, row: 0, imageColumn: 0, imageRow: 0, columns: 3, rows: 1 },
      { column: 8, row: 0, imageColumn: 0, imageRow: 1, columns: 1, rows: 1 },
    ]);
  });

  test('without an image, a run ends with the row of the screen', () => {
    assert.deepEqual(runs([0, 1, 2, 3, 4], Infinity, 3).map(({ row, columns }) => [row, columns]), [[0, 3], [1, 2]]);
  });

  test('whatever the blocks, each is drawn from its place to its place', () => {
    const random = randomOf(3);
    for (let round = 0; round < 500; round++) {
      const gridColumns = 1 + Math.floor(random() * 8), columns = 1 + Math.floor(random() * 8);
      const density = random();
      const blocks = range(0, gridColumns * 6).filter(() => random() < density);
      const drawn = new Map();
      for (const run of runs(blocks, columns, gridColumns)) {
        for (let y = 0; y < run.rows; y++) {
          for (let x = 0; x < run.columns; x++) {
            const block = (run.row + y) * gridColumns + run.column + x;
            assert.ok(!drawn.has(block) && run.column + x < gridColumns && run.imageColumn + x < columns);
            drawn.set(block, (run.imageRow + y) * columns + run.imageColumn + x);
          }
        }
      }
      assert.deepEqual([...drawn].sort((a, b) => a[0] - b[0]), blocks.map((block, index) => [block, index]));
    }
  });
});

describe('Screen', () => {
  function screen() {
    const calls = [];
    const context = {
      fillRect: (...rect) => calls.push(['fill', context.fillStyle, ...rect]),
      drawImage: (image, ...rects) => calls.push(['draw', ...rects]),
      putImageData: ({ data, width }, ...place) => calls.push(['put', [...data], width, ...place]),
    };
    const canvas = { width: 300, height: 150, getContext: () => context, cloneNode: () => aside.canvas };
    const aside = { drawImage: (image, ...rects) => calls.push(['aside', ...rects]) };
    aside.canvas = { getContext: () => aside };
    return { calls, canvas, screen: new Screen(canvas, () => calls.push(['size', canvas.width, canvas.height])) };
  }

  test('what moves goes in stripes by way of another canvas, as if at once', () => {
    const width = 6, height = 500, random = randomOf(5);
    const surface = (/** @type {number} */ rows) => {
      const canvas = { width, height: rows, pixels: range(0, width * rows), getContext: () => context, cloneNode: () => surface(0) };
      const everywhere = [0, 0, width, Infinity];
      let path = everywhere, clip = everywhere;
      const context = {
        canvas,
        save: () => {},
        restore: () => (clip = everywhere),
        beginPath: () => {},
        rect: (...rect) => (path = rect),
        clip: () => (clip = path),
        drawImage: ({ height: lines, pixels }, x, y) => {
          const [left, top, columns, lasts] = clip;
          for (const row of range(Math.max(top, y), Math.min(top + lasts, canvas.height, y + lines))) {
            for (const column of range(Math.max(left, x), Math.min(left + columns, x + width))) {
              canvas.pixels[row * width + column] = pixels[(row - y) * width + column - x];
            }
          }
        },
      };
      return canvas;
    };
    const upTo = (/** @type {number} */ most) => Math.floor(random() * (most + 1));
    const canvas = surface(height);
    canvas.height = 1;
    const painted = new Screen(canvas, () => {});
    painted.paint({ update: { seq: 1, width, height, operations: [] }, bitmaps: [] });
    for (let round = 0; round < 60; round++) {
      const wide = 1 + upTo(width - 1), high = 1 + upTo(height - 1);
      const rect = { left: upTo(width - wide), top: upTo(height - high), width: wide, height: high };
      const copy = { kind: 'copy', ...rect, x: upTo(width - wide), y: upTo(height - high) };
      const moved = [...canvas.pixels];
      for (const row of range(0, high)) {
        for (const column of range(0, wide)) {
          moved[(copy.y + row) * width + copy.x + column] = canvas.pixels[(rect.top + row) * width + rect.left + column];
        }
      }
      painted.paint({ update: { seq: 1, width, height, operations: [copy] }, bitmaps: [null] });
      assert.deepEqual(canvas.pixels, moved);
    }
  });

  test('pixels are put rect by rect, without an image', () => {
    const { calls, screen: painted } = screen();
    const rects = [{ left: 5, top: 6, width: 2, height: 1 }, { left: 9, top: 9, width: 1, height: 1 }];
    const data = Uint8Array.from(range(0, 9));
    painted.paint({
      update: { seq: 1, width: 300, height: 150, operations: [{ kind: 'deflated', isIndexed: false, rects, data }] },
      bitmaps: [null],
    });
    assert.deepEqual(calls, [['put', [0, 1, 2, 255, 3, 4, 5, 255], 2, 5, 6], ['put', [6, 7, 8, 255], 1, 9, 9]]);
  });

  test('resizes first, then paints the operations in order, and closes the bitmaps', () => {
    const { calls, canvas, screen: painted } = screen();
    let isClosed = false;
    const operations = [
      { kind: 'fill', colour: '#102030', blocks: [0, 1] },
      { kind: 'atlas', encoding: 'png', columns: 1, blocks: [3], data: new Uint8Array() },
    ];
    painted.paint({
      update: { seq: 1, width: 130, height: 100, operations },
      bitmaps: [null, { close: () => (isClosed = true) }],
    });
    assert.deepEqual([canvas.width, canvas.height], [130, 100]);
    assert.deepEqual(calls, [
      ['size', 130, 100], ['fill', '#102030', 0, 0, 128, 64], ['draw', 0, 0, 64, 64, 0, 64, 64, 64],
    ]);
    assert.ok(isClosed);
  });

  test('draws from the images that it keeps, and lets those used least recently go', () => {
    const { calls, screen: painted } = screen();
    const side = 4096; // 64 MiB: two of them are all that is kept
    /** @type {number[]} */
    const closed = [];
    const keep = (number) => painted.paint({
      update: { width: 300, height: 150, operations: [{ kind: 'atlas', columns: 64, blocks: [0, 1, 2], number }] },
      bitmaps: [{ width: side, height: side, close: () => closed.push(number) }],
    });
    const recall = (number, places) => painted.paint({
      update: { width: 300, height: 150, operations: [{ kind: 'recall', number, blocks: [5, 6], places }] },
      bitmaps: [null],
    });
    keep(1);
    keep(2);
    recall(1, [1, 2]);
    assert.deepEqual(calls.at(-1), ['draw', 64, 0, 128, 64, 0, 64, 128, 64]);
    keep(3);
    assert.deepEqual(closed, [2]);
    recall(3, [2, 0]);
    assert.throws(() => recall(2, [0, 1]), WireError);
    assert.throws(() => recall(3, [0, 3]), WireError);
    painted.forget();
    assert.deepEqual(closed, [2, 1, 3]);
  });

  test('draws a video on its rect, and closes its picture', () => {
    const { calls, screen: painted } = screen();
    let isClosed = false;
    painted.paint({
      update: { seq: 1, width: 300, height: 150, operations: [{ kind: 'video', left: 7, top: 9, width: 33, height: 21 }] },
      bitmaps: [{ close: () => (isClosed = true) }],
    });
    assert.deepEqual(calls, [['draw', 7, 9]]);
    assert.ok(isClosed);
  });

  test('the same size keeps what is there', () => {
    const { calls, screen: painted } = screen();
    painted.paint({ update: { seq: 1, width: 300, height: 150, operations: [] }, bitmaps: [] });
    assert.deepEqual(calls, []);
  });
});
