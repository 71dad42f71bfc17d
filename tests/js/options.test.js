import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readOptions } from '../../static/js/options.js';

const read = (text) => {
  const parameters = new URLSearchParams(text);
  return readOptions((name) => parameters.get(name));
};

test('without parameters nothing is asked for', () => {
  assert.deepEqual(read(''), { viewOnly: false, toolbar: true, scale: null, quality: null });
});

test('parameters are read as attributes are', () => {
  assert.deepEqual(read('view-only&toolbar=off&scale=actual&quality=light'),
    { viewOnly: true, toolbar: false, scale: 'actual', quality: 'light' });
  assert.equal(read('view-only=off').viewOnly, false);
});

test('what is not known is not heeded', () => {
  assert.deepEqual(read('scale=__proto__&quality=best&toolbar=maybe'), read(''));
});
