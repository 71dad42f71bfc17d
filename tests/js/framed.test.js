import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';

import { Framed } from '../../static/js/framed.js';
import { settled } from './support.js';

const PORTAL = 'https://portal.example';

describe('Framed', () => {
  let parent, sent, done, listen, framed;
  const remote = {
    connect: (secret) => done.push(['connect', secret]), disconnect: () => done.push(['disconnect']),
    sendKeys: (...keys) => done.push(['keys', ...keys]), paste: (text) => done.push(['paste', text]),
    screenshot: async () => 'a blob',
  };
  const say = (data, { source = parent, origin = PORTAL } = {}) =>
    listen({ source, origin, data: data && { voxy: 1, ...data } });

  beforeEach(async () => {
    [sent, done] = [[], []];
    parent = { postMessage: (message, target) => sent.push([target, message]) };
    globalThis.window = { parent, addEventListener: (_, listener) => (listen = listener) };
    mock.method(globalThis, 'fetch', async () => ({ json: async () => ({ origins: [PORTAL, 'https://other.example'] }) }));
    framed = new Framed();
    framed.serve(remote);
    await settled();
  });

  afterEach(() => {
    mock.restoreAll();
    delete globalThis.window;
  });

  test('says that it is ready to the origins that are named, and to no others', () => {
    assert.deepEqual(sent, [PORTAL, 'https://other.example'].map((origin) => [origin, { voxy: 1, type: 'ready' }]));
  });

  test('does what its page says', () => {
    say({ type: 'connect', ticket: 'one' });
    say({ type: 'connect', token: 'two' });
    say({ type: 'connect' });
    say({ type: 'keys', keys: ['Control', 'c'] });
    say({ type: 'paste', text: 'text' });
    say({ type: 'disconnect' });
    assert.deepEqual(done, [['connect', { ticket: 'one' }], ['connect', { token: 'two' }], ['connect', null],
      ['keys', 'Control', 'c'], ['paste', 'text'], ['disconnect']]);
  });

  test('listens to nobody else', () => {
    say({ type: 'disconnect' }, { source: {} });
    for (const origin of ['https://evil.example', 'null', `${PORTAL}.evil`, 'http://portal.example', '']) {
      say({ type: 'disconnect' }, { origin });
    }
    say({ type: 'disconnect', voxy: 2 });
    for (const data of [null, undefined, 'disconnect', 7]) listen({ source: parent, origin: PORTAL, data });
    assert.deepEqual(done, []);
  });

  test('takes only what is as it should be', () => {
    say({ type: 'keys', keys: 'Control' });
    say({ type: 'keys', keys: [{}] });
    say({ type: 'keys', keys: Array(9).fill('a') });
    say({ type: 'paste', text: 'x'.repeat((1 << 20) + 1) });
    say({ type: '__proto__' });
    assert.deepEqual(done, []);
  });

  test('tells what happened before anybody listened, but for what was copied', () => {
    sent.length = 0;
    for (const [name, detail] of [['connect', 1], ['resize', 2], ['clipboard', 3], ['resize', 4]]) framed.tell(name, detail);
    say({ type: 'keys', keys: [] });
    assert.deepEqual(sent.map(([target, { name, detail }]) => [target, name, detail]),
      [[PORTAL, 'connect', 1], [PORTAL, 'resize', 4]]);
  });

  test('answers the origin that has spoken alone, and says nothing before', async () => {
    sent.length = 0;
    framed.tell('clipboard', { text: 'secret' });
    assert.deepEqual(sent, []);
    say({ type: 'screenshot', id: 3 });
    await settled();
    framed.tell('resize', { width: 1, height: 1 });
    assert.deepEqual(sent, [
      [PORTAL, { voxy: 1, type: 'answer', id: 3, blob: 'a blob' }],
      [PORTAL, { voxy: 1, type: 'event', name: 'resize', detail: { width: 1, height: 1 } }],
    ]);
  });
});
