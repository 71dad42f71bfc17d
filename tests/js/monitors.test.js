import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Monitors } from '../../static/js/monitors.js';

const LEFT = { name: 'left', x: 0, y: 0, width: 1280, height: 1024, primary: true };
const RIGHT = { name: 'right', x: 1280, y: 40, width: 1920, height: 1080, primary: false };

describe('Monitors', () => {
  let monitors;

  beforeEach(() => {
    monitors = new Monitors();
    monitors.name = 'right';
  });

  test('the one that the address names is shown as soon as it is there', () => {
    assert.equal(monitors.chosen, null);
    monitors.list = [LEFT];
    assert.equal(monitors.chosen, null);
    monitors.list = [LEFT, RIGHT];
    assert.equal(monitors.chosen, RIGHT);
  });

  test('all is shown while the one that was chosen is gone', () => {
    monitors.list = [LEFT, RIGHT];
    monitors.list = [LEFT];
    assert.equal(monitors.chosen, null);
    monitors.list = [LEFT, RIGHT];
    assert.equal(monitors.chosen, RIGHT);
  });

  test('another is chosen, or all, or one that was never there', () => {
    monitors.list = [LEFT, RIGHT];
    const chosen = ['left', null, 'none such'].map((name) => {
      monitors.name = name;
      return monitors.chosen;
    });
    assert.deepEqual(chosen, [LEFT, null, null]);
  });
});
