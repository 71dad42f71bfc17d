import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { ClipboardGate } from '../../static/js/clipboard_gate.js';
import { settled } from './support.js';

const PASTE = { key: 'v', code: 'KeyV', ctrlKey: true, metaKey: false, altKey: false, shiftKey: false, repeat: false };
const key = (name, down) => ({ type: 'key', key: name, code: '', down });

describe('ClipboardGate', () => {
  let gate, did, sent, lost, come, fail;

  beforeEach(() => {
    [did, sent, lost] = [[], [], []];
    const clipboard = {
      limit: ({ takes }) => did.push(`takes ${takes}`), begin: () => did.push('begin') > 0, put: (text) => text === 'fine',
      pass: (message) => did.push(`${message.down ? '+' : '-'}${message.key}`),
    };
    const fetch = () => new Promise((resolve, reject) => ([come, fail] = [() => resolve(clipboard), reject]));
    gate = new ClipboardGate(fetch, (message) => sent.push(message.key), () => {}, (error) => lost.push(error.message));
  });

  test('lets keys pass while nobody pastes', () => {
    gate.limit({ type: 'clipboard', takes: 9, gives: 9 });
    assert.equal(gate.begin({ ...PASTE, key: 'x', code: 'KeyX' }), false);
    gate.pass(key('x', true));
    assert.deepEqual([sent, did], [['x'], []]);
  });

  test('keeps the key that pastes, and those behind it, until the clipboard is there', async () => {
    gate.limit({ type: 'clipboard', takes: 9, gives: 9 });
    assert.equal(gate.begin(PASTE), true);
    for (const message of [key('v', true), key('v', false), key('x', true)]) gate.pass(message);
    assert.deepEqual([sent, did], [[], []]);
    come();
    await settled();
    assert.deepEqual([sent, did], [[], ['takes 9', 'begin', '+v', '-v', '+x']]);
  });

  test('begins no paste where nothing may be pasted', () => {
    assert.equal(gate.begin(PASTE), false);
  });

  test('lets keys pass again where the clipboard could not be fetched', async () => {
    gate.limit({ type: 'clipboard', takes: 9, gives: 9 });
    gate.begin(PASTE);
    fail(new Error('gone'));
    await settled();
    gate.pass(key('x', true));
    assert.deepEqual([sent, lost], [['x'], ['gone']]);
  });

  test('says whether a text may be pasted, when that is known', async () => {
    const answers = [gate.put('fine'), gate.put('too large')];
    come();
    assert.deepEqual(await Promise.all(answers), [true, false]);
  });
});
