import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import './words.js';
import { judge } from '../../static/js/status.js';
import { TEXT } from '../../static/js/text.js';

const LIVE = {
  transport: 'open', isPainted: true, wasPainted: true, hasFailed: false, isStale: false,
  source: { type: 'state', state: 'live', reason: '' },
};
const judged = (change) => judge({ ...LIVE, ...change });

describe('judge', () => {
  test('a picture is live only when this connection has painted it', () => {
    assert.equal(judged({}).connection, 'live');
    assert.equal(judged({ isPainted: false }).connection, 'lost');
    assert.equal(judged({ isPainted: false, wasPainted: false }).connection, 'connecting');
  });

  test('a first try that fails says so', () => {
    const { connection, words, action } = judged({
      transport: 'waiting', isPainted: false, wasPainted: false, hasFailed: true, source: null,
    });
    assert.deepEqual([connection, words, action], ['lost', TEXT.unreachable, 'connect']);
  });

  test('the server’s own reason is shown', () => {
    const source = { type: 'state', state: 'stalled', reason: 'The X server doesn’t answer.' };
    assert.deepEqual(judged({ source }), { connection: 'stalled', words: source.reason, action: '' });
    assert.equal(judged({ source: { ...source, reason: '' } }).words, TEXT.stalled);
    assert.equal(judged({ source: { ...source, state: 'lost', reason: '' } }).words, TEXT.sourceLost);
  });

  test('silence makes a live picture stale', () => {
    assert.equal(judged({ isStale: true }).connection, 'stale');
  });

  test('an end says what to do', () => {
    assert.equal(judged({ transport: 'signed-out' }).connection, 'signed-out');
    assert.deepEqual(judged({ transport: 'outdated' }), { connection: 'lost', words: TEXT.outdated, action: 'reload' });
  });
});
