import assert from 'node:assert/strict';
import { test } from 'node:test';

import './words.js';
import { Place } from '../../static/js/place.js';

/** @returns {{place: Place, said: string[]}} */
function desk() {
  /** @type {string[]} */
  const said = [];
  const place = new Place({ say: (text) => said.push(text), keep: (text) => said.push(`(${text})`) });
  place.enter('desk');
  return { place, said };
}

test('a machine on the host of the server is no news', () => {
  const { place, said } = desk();
  place.take({ host: 'here', to: '', is_near: true });
  assert.deepEqual(said, ['()']);
});

test('it is said as long as a machine moves, and then where it is', () => {
  const { place, said } = desk();
  place.take({ host: 'here', to: '', is_near: true });
  place.take({ host: 'here', to: 'laptop', is_near: true });
  place.take({ host: 'laptop', to: '', is_near: false });
  assert.deepEqual(said, ['()', '(desk is moving to laptop…)', '()', 'desk runs on laptop now.']);
});

test('a machine elsewhere is said to be there, once', () => {
  const { place, said } = desk();
  place.take({ host: 'laptop', to: '', is_near: false });
  place.take({ host: '', to: '', is_near: false });
  place.take({ host: 'laptop', to: '', is_near: false });
  assert.deepEqual(said.filter((words) => words !== '()'), ['desk runs on laptop now.']);
});

test('after a move that failed it is said that it stays', () => {
  const { place, said } = desk();
  place.take({ host: 'here', to: 'laptop', is_near: true });
  place.take({ host: 'here', to: '', is_near: true });
  assert.equal(said.at(-1), 'desk stays on here.');
});
