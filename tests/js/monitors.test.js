import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Monitors } from '../../static/js/monitors.js';

const LEFT = { name: 'left', x: 0, y: 0, width: 1280, height: 1024, primary: true };
const RIGHT = { name: 'right', x: 1280, y: 40, width: 1920, height: 1080, primary: false };
const RIGHT_RECT = { x: 1280, y: 40, width: 1920, height: 1080 };

describe('Monitors', () => {
  let rects, monitors;
  const told = (...list) => monitors.told({ type: 'monitors', monitors: list });

  beforeEach(() => {
    rects = [];
    monitors = new Monitors((rect) => rects.push(rect));
    monitors.choose('right');
  });

  test('the one that the address names is shown as soon as it is there', () => {
    assert.equal(monitors.rect, null);
    told(LEFT);
    assert.deepEqual([monitors.chosen, rects], [null, []]);
    told(LEFT, RIGHT);
    assert.deepEqual(monitors.list, [LEFT, RIGHT]);
    assert.equal(monitors.chosen.name, 'right');
    assert.deepEqual(monitors.rect, RIGHT_RECT);
    assert.deepEqual(rects, [RIGHT_RECT]);
  });

  test('only what changes the part that is shown is told', () => {
    told(LEFT, RIGHT);
    told(RIGHT, { ...LEFT, width: 1000 });
    assert.equal(rects.length, 1);
    told(LEFT, { ...RIGHT, x: 1000 });
    assert.deepEqual(rects.at(-1), { ...RIGHT_RECT, x: 1000 });
  });

  test('all is shown while the one that was chosen is gone', () => {
    told(LEFT, RIGHT);
    told(LEFT);
    assert.equal(rects.at(-1), null);
    told(LEFT, RIGHT);
    assert.deepEqual(rects.at(-1), RIGHT_RECT);
  });

  test('another is chosen, or all', () => {
    told(LEFT, RIGHT);
    monitors.choose('left');
    assert.deepEqual(rects.at(-1), { x: 0, y: 0, width: 1280, height: 1024 });
    monitors.choose(null);
    assert.equal(rects.at(-1), null);
    monitors.choose('none such');
    assert.equal(rects.length, 3);
  });
});
