import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Cursor } from '../../static/js/cursor.js';
import { WireError } from '../../static/js/malformed.js';
import { settled } from './support.js';

describe('Cursor', () => {
  let element, alive, loads, cursor;
  const png = (byte) => Uint8Array.of(byte);
  const receive = (id, shape) => cursor.receive({ type: 'cursor', id, x: 1, y: 2, png: shape });

  beforeEach(() => {
    element = { style: { cursor: '' } };
    [alive, loads] = [new Set(), []];
    const create = (bytes) => {
      const url = `blob:${bytes[0]}`;
      alive.add(url);
      return url;
    };
    const load = () => new Promise((resolve) => loads.push(resolve));
    cursor = new Cursor(element, () => {}, { create, load, revoke: (url) => alive.delete(url) });
  });

  test('shows a shape with its hot spot once it is loaded, and at once when it comes again', async () => {
    receive(3, png(3));
    assert.equal(element.style.cursor, '');
    loads[0]();
    await settled();
    assert.equal(element.style.cursor, 'url("blob:3") 1 2, default');
    receive(4, new Uint8Array());
    receive(3, null);
    assert.equal(element.style.cursor, 'url("blob:3") 1 2, default');
  });

  test('is drawn finer on a desktop of finer pixels', async () => {
    receive(3, png(3));
    loads[0]();
    await settled();
    cursor.resolution = 2;
    assert.equal(element.style.cursor, 'image-set(url("blob:3") 2x) 1 1, default');
    cursor.resolution = 1;
    assert.equal(element.style.cursor, 'url("blob:3") 1 2, default');
  });

  test('a shape that is loaded too late is not shown', async () => {
    receive(3, png(3));
    receive(4, new Uint8Array());
    loads[0]();
    await settled();
    assert.equal(element.style.cursor, 'none');
  });

  test('an empty shape hides the pointer, also when it comes again', () => {
    receive(1, png(1));
    receive(2, new Uint8Array());
    assert.equal(element.style.cursor, 'none');
    receive(1, null);
    receive(2, null);
    assert.equal(element.style.cursor, 'none');
  });

  test('keeps the 32 shapes used last', () => {
    for (let id = 0; id < 32; id++) receive(id, png(id));
    receive(0, null);
    receive(32, png(32));
    assert.equal(alive.size, 32);
    receive(0, null);
    assert.throws(() => receive(1, null), WireError);
  });

  test('a shape that was never sent is an error', () => {
    assert.throws(() => receive(9, null), WireError);
  });

  test('a new connection starts without shapes', () => {
    receive(1, png(1));
    cursor.reset();
    assert.equal(alive.size, 0);
    assert.equal(element.style.cursor, 'default');
    assert.throws(() => receive(1, null), WireError);
  });
});
