import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { clear, isShown, leave, take } from '../../static/js/leftover.js';

const exactly = () => true;
const canvas = { toDataURL: () => `data:image/png;base64,${btoa('pixels')}` };

function storage() {
  const items = new Map();
  globalThis.sessionStorage = {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key),
  };
  globalThis.createImageBitmap = async (blob) => blob.text();
  return items;
}

afterEach(() => {
  delete globalThis.sessionStorage;
  delete globalThis.createImageBitmap;
});

test('what a page leaves is taken once', async () => {
  const items = storage();
  leave(canvas, { token: 'a', seq: 7 }, exactly);
  assert.deepEqual(await take(), { token: 'a', seq: 7, picture: btoa('pixels'), bitmap: 'pixels' });
  assert.equal(items.size, 0);
  assert.equal(await take(), null);
});

test('a canvas that stayed empty is told from one that shows what was left', async () => {
  storage();
  leave(canvas, { token: 'a', seq: 7 }, exactly);
  const { picture } = await take();
  assert.ok(isShown(canvas, picture));
  assert.ok(!isShown({ toDataURL: () => `data:image/png;base64,${btoa('nothing')}` }, picture));
});

test('a picture that is too large is not left, nor an old one in its place', async () => {
  const items = storage();
  leave(canvas, { token: 'a', seq: 7 }, exactly);
  globalThis.sessionStorage.setItem = () => {
    throw new Error('quota exceeded');
  };
  leave(canvas, { token: 'b', seq: 8 }, exactly);
  assert.equal(items.size, 0);
});

test('a browser that adds noise to what is read from a canvas leaves nothing', async () => {
  const items = storage();
  leave(canvas, { token: 'a', seq: 7 }, exactly);
  leave(canvas, { token: 'b', seq: 8 }, () => false);
  assert.equal(items.size, 0);
});

test('what a page of another protocol left is not taken', async () => {
  storage();
  globalThis.sessionStorage.setItem('voxy-picture', JSON.stringify({ protocol: 1, token: 'a', seq: 7, picture: '' }));
  assert.equal(await take(), null);
});

test('nonsense in the storage is nothing', async () => {
  const items = storage();
  globalThis.sessionStorage.setItem('voxy-picture', '{"token":');
  assert.equal(await take(), null);
  assert.equal(items.size, 0);
});

test('a browser that forbids storing loads as ever', async () => {
  leave(canvas, { token: 'a', seq: 7 }, exactly);
  assert.equal(await take(), null);
  clear();
});
