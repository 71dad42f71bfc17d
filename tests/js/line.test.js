import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Line } from '../../static/js/line.js';
import { PartLost } from '../../static/js/malformed.js';

describe('Line', () => {
  let posted, heard, line;
  const take = (number, more, of = 7) => line.take({ line: of, number, ...more });
  const pong = (id) => ({ kind: 'data', data: { type: 'pong', id } });

  beforeEach(() => {
    [posted, heard] = [[], []];
    line = new Line(7, 'ws://here/stream', ['voxy'], (message) => posted.push(message));
    line.onopen = () => heard.push('open');
    line.onclose = ({ code }) => heard.push(code);
    line.onmessage = ({ data }) => heard.push(data.id ?? data);
  });

  test('asks the thread to open, send and close', () => {
    line.send('hello');
    line.close(4400);
    assert.deepEqual(posted, [
      { kind: 'open', line: 7, url: 'ws://here/stream', protocols: ['voxy'] },
      { kind: 'send', line: 7, data: 'hello' },
      { kind: 'close', line: 7, code: 4400 },
    ]);
  });

  test('what comes by two ways is heard in the order in which it was sent', () => {
    take(0, { kind: 'open' });
    take(2, pong(2));
    take(3, { kind: 'close', code: 1001 });
    assert.deepEqual(heard, ['open']);
    take(1, pong(1));
    assert.deepEqual(heard, ['open', 1, 2, 1001]);
  });

  test('what another connection still brings is not heard', () => {
    take(0, { kind: 'open' }, 6);
    assert.deepEqual(heard, []);
  });

  test('what is broken comes as an error', () => {
    take(0, { kind: 'broken', reason: 'an update cut short' });
    take(1, { kind: 'lost', reason: 'video.js is not there' });
    assert.ok(heard[0] instanceof Error && !(heard[0] instanceof PartLost));
    assert.ok(heard[1] instanceof PartLost);
  });
});
