import assert from 'node:assert/strict';
import { test } from 'node:test';

import './words.js';
import { Bulletin, inBytes } from '../../static/js/bulletin.js';

function desk() {
  /** @type {string[]} */
  const said = [];
  const bulletin = new Bulletin({ say: (text) => said.push(text), keep: (text) => said.push(`(${text})`) }, () => 'desk');
  return { place: { take: (place) => bulletin.take({ type: 'place', ...place }) }, said, bulletin };
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

test('a limit that was met is said in bytes for people', () => {
  const { bulletin, said } = desk();
  bulletin.take({ type: 'notice', code: 'paste_too_large', limit: 16 << 20 });
  assert.deepEqual(said, ['What you copied is larger than the 16 MB that may be pasted here.']);
  assert.deepEqual([100, 1536, 16 << 20, 2 ** 30].map(inBytes), ['100 byte', '1.5 kB', '16 MB', '1 GB']);
});
