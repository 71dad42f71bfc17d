import assert from 'node:assert/strict';
import { test } from 'node:test';

import { tokenIn } from '../../static/js/signin.js';

test('the token is found in what is pasted: itself, or the whole address', () => {
  for (const pasted of ['s3cret_-', ' s3cret_- \n', 'http://desk:8080/#token=s3cret_-',
    'http://desk:8080/#token=s3cret_-&monitor=left', 'http://desk:8080/#monitor=left&token=s3cret_-']) {
    assert.equal(tokenIn(pasted), 's3cret_-');
  }
});
