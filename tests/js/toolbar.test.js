import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';

import { Toolbar } from '../../static/js/toolbar.js';
import { mockTimers } from './support.js';

/** As much of an element as the toolbar touches. */
function element() {
  const listeners = {};
  return {
    dataset: {}, attributes: {}, inside: [], addEventListener(type, listener) { listeners[type] = listener; },
    setAttribute(name, value) { this.attributes[name] = value; },
    fire(type, event = {}) { listeners[type]({ preventDefault() {}, ...event }); },
    contains(other) { return this.inside.includes(other); },
    querySelectorAll() { return this.inside; },
  };
}

describe('Toolbar', () => {
  let page, toolbar, left;
  const at = (id) => (page.elements[id] ??= element());
  const move = (clientY, more) => toolbar.move({ clientY, pointerType: 'mouse', buttons: 0, ...more });

  beforeEach(() => {
    mockTimers('setTimeout');
    left = 0;
    page = { elements: {}, getElementById: (id) => at(id), activeElement: null };
    toolbar = new Toolbar(page, () => (left += 1));
  });

  afterEach(() => mock.timers.reset());

  test('shows when the pointer rests at the edge, and goes when it is far from it', () => {
    move(0);
    mock.timers.tick(349);
    assert.ok(!toolbar.isShown);
    mock.timers.tick(1);
    assert.ok(toolbar.isShown);
    move(100);
    mock.timers.tick(1000);
    assert.ok(toolbar.isShown);
    move(200);
    mock.timers.tick(599);
    assert.ok(toolbar.isShown);
    mock.timers.tick(1);
    assert.ok(!toolbar.isShown);
  });

  test('does not show for a pointer that passes, that drags, or that is a finger', () => {
    move(0);
    move(50);
    mock.timers.tick(1000);
    move(0, { buttons: 1 });
    mock.timers.tick(1000);
    move(0, { pointerType: 'touch' });
    mock.timers.tick(1000);
    assert.ok(!toolbar.isShown);
  });

  test('shows and goes by its grip', () => {
    at('grip').fire('click');
    assert.ok(toolbar.isShown);
    assert.equal(at('grip').attributes['aria-expanded'], 'true');
    at('grip').fire('click');
    assert.ok(!toolbar.isShown);
    assert.equal(at('grip').attributes['aria-expanded'], 'false');
  });

  test('stays while the keyboard is in it, and gives it back', () => {
    const focused = {};
    at('controls').inside.push(focused);
    page.activeElement = focused;
    toolbar.show();
    move(500);
    mock.timers.tick(1000);
    assert.ok(toolbar.isShown);
    at('controls').fire('keydown', { key: 'Escape' });
    assert.ok(!toolbar.isShown);
    assert.equal(left, 1);
  });
});
