import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';

import { Menu } from '../../static/js/menu.js';
import { mockTimers } from './support.js';

/** As much of an element as the menu touches. */
function element() {
  const listeners = {};
  return {
    hidden: true, dataset: {}, attributes: {},
    setAttribute(name, value) { this.attributes[name] = value; },
    toggleAttribute(name, isOn) {
      if (isOn) this.dataset.shown = '';
      else delete this.dataset.shown;
    },
    addEventListener(type, listener) { listeners[type] = listener; },
    fire(type, event = {}) { listeners[type]({ preventDefault() {}, ...event }); },
    focus() { this.isFocused = true; },
  };
}

describe('Menu', () => {
  let elements, said, menu;
  const at = (id) => (elements[id] ??= element());
  const move = (clientY, more) => menu.move({ clientY, pointerType: 'mouse', buttons: 0, type: 'pointermove', ...more });
  const isShown = () => 'shown' in at('menu').dataset;

  beforeEach(() => {
    mockTimers('setTimeout');
    [elements, said] = [{}, []];
    const actions = { statistics: () => said.push('statistics') };
    menu = new Menu({ getElementById: at }, actions, () => said.push('left'));
  });

  afterEach(() => mock.timers.reset());

  test('the button shows when the pointer rests at the edge, and goes when it is far from it', () => {
    move(0);
    mock.timers.tick(349);
    assert.ok(!isShown());
    mock.timers.tick(1);
    assert.ok(isShown());
    move(60);
    mock.timers.tick(5000);
    assert.ok(isShown());
    move(300);
    mock.timers.tick(600);
    assert.ok(!isShown());
  });

  test('a pointer that only passes the edge, or drags there, shows nothing', () => {
    move(0);
    mock.timers.tick(200);
    move(50);
    mock.timers.tick(5000);
    assert.ok(!isShown());
    move(0, { buttons: 1 });
    mock.timers.tick(5000);
    assert.ok(!isShown());
  });

  test('a finger rests near the edge; the button stays until it is put down elsewhere', () => {
    const finger = (clientY, type) => move(clientY, { pointerType: 'touch', type });
    finger(20, 'pointerdown');
    finger(20, 'pointerup');
    mock.timers.tick(5000);
    assert.ok(!isShown());
    finger(20, 'pointerdown');
    mock.timers.tick(350);
    finger(20, 'pointerup');
    mock.timers.tick(5000);
    assert.ok(isShown());
    finger(300, 'pointerdown');
    mock.timers.tick(600);
    assert.ok(!isShown());
  });

  test('an item does its work, and the keyboard goes back', () => {
    at('menu-button').fire('click');
    assert.equal(at('menu-items').hidden, false);
    assert.ok(at('menu-statistics').isFocused);
    at('menu-statistics').fire('click');
    assert.equal(at('menu-items').hidden, true);
    assert.deepEqual(said, ['left', 'statistics']);
  });

  test('Escape closes the menu, then leaves it', () => {
    at('menu-button').fire('click');
    at('menu').fire('keydown', { key: 'Escape' });
    assert.deepEqual([at('menu-items').hidden, at('menu-button').isFocused, said], [true, true, []]);
    at('menu').fire('keydown', { key: 'Escape' });
    assert.deepEqual(said, ['left']);
  });

  test('screen readers hear whether the statistics are on', () => {
    menu.check(true);
    assert.equal(at('menu-statistics').attributes['aria-checked'], 'true');
  });
});
