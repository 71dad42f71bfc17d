import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Transport } from '../../static/js/transport.js';
import { Clock, settled } from './support.js';

class FakeSocket {
  sent = [];
  closedWith = null;
  send(data) { this.sent.push(data); }
  close(code) { this.closedWith = code; }
}

describe('Transport', () => {
  let clock, sockets, states, messages, answer, outside, transport;
  const last = () => sockets.at(-1);

  beforeEach(() => {
    [clock, sockets, states, messages, answer] = [new Clock(), [], [], [], async () => false];
    outside = {
      openSocket: () => sockets[sockets.push(new FakeSocket()) - 1],
      isSignedOut: () => answer(),
      now: () => clock.now, random: () => 1, setTimer: clock.setTimer, clearTimer: clock.clearTimer,
    };
    const listener = { onState: (state) => states.push(state), onMessage: (data) => messages.push(data) };
    transport = new Transport(listener, outside);
    transport.connect();
  });

  test('connects, sends and receives', () => {
    transport.send('too early');
    last().onopen();
    transport.send('hello');
    last().onmessage({ data: 'welcome' });
    assert.deepEqual([states, last().sent, messages], [['connecting', 'open'], ['hello'], ['welcome']]);
    assert.deepEqual(clock.delays, []);
  });

  test('says with which code the server closed', () => {
    const codes = [];
    const told = new Transport({ onState: (_, code) => codes.push(code), onMessage: () => {} }, outside);
    told.connect();
    last().onopen();
    last().onclose({ code: 4400 });
    assert.deepEqual(codes, [undefined, undefined, 4400]);
  });

  test('waits up to twice as long after each failure, and never over 10 s', () => {
    const delays = [];
    for (let round = 0; round < 8; round++) {
      last().onclose({ code: 1006 });
      delays.push(clock.delays[0]);
      clock.pass(clock.delays[0]);
    }
    assert.deepEqual(delays, [250, 500, 1000, 2000, 4000, 8000, 10000, 10000]);
    assert.equal(sockets.length, 9);
  });

  test('starts from the least wait again after a connection that held', () => {
    for (let round = 0; round < 4; round++) {
      last().onclose({ code: 1006 });
      clock.pass(10_000);
    }
    last().onopen();
    clock.pass(6_000);
    last().onclose({ code: 1001 });
    assert.deepEqual(clock.delays, [250]);
  });

  test('a server that closes every connection at once is given rest', () => {
    const delays = [];
    for (let round = 0; round < 3; round++) {
      last().onopen();
      last().onclose({ code: 1011 });
      delays.push(clock.delays[0]);
      clock.pass(clock.delays[0]);
    }
    assert.deepEqual(delays, [250, 500, 1000]);
  });

  test('is told to try now', () => {
    last().onclose({ code: 1006 });
    transport.connect();
    transport.connect();
    assert.equal(sockets.length, 2);
    clock.pass(300);
    assert.equal(sockets.length, 2);
  });

  test('gives an address up that never answers', () => {
    clock.pass(10_000);
    assert.deepEqual([states, last().closedWith], [['connecting', 'waiting'], 4400]);
  });

  test('a broken connection is closed, not heard any more, and replaced', () => {
    last().onopen();
    const broken = last();
    transport.restart();
    assert.deepEqual([broken.closedWith, broken.onmessage, transport.state], [4400, null, 'waiting']);
    clock.pass(250);
    assert.equal(sockets.length, 2);
  });

  test('asks why an upgrade failed, and stops where nobody is signed in', async () => {
    answer = async () => true;
    last().onclose({ code: 1006 });
    await settled();
    assert.equal(transport.state, 'signed-out');
    assert.deepEqual(clock.delays, []);
    transport.connect();
    assert.equal(transport.state, 'connecting');
  });

  test('keeps trying where the question is not answered', async () => {
    answer = async () => { throw new TypeError('offline'); };
    last().onclose({ code: 1006 });
    await settled();
    assert.equal(transport.state, 'waiting');
  });

  test('does not ask why an open connection ended', async () => {
    answer = () => assert.fail();
    last().onopen();
    last().onclose({ code: 1006 });
    await settled();
    assert.equal(transport.state, 'waiting');
  });

  test('a session that ended, and another version, are ends', () => {
    last().onopen();
    last().onclose({ code: 4401 });
    assert.equal(transport.state, 'signed-out');
    transport.connect();
    last().onopen();
    last().onclose({ code: 4406 });
    transport.connect();
    transport.restart();
    clock.pass(60_000);
    assert.deepEqual([transport.state, sockets.length], ['outdated', 2]);
  });
});
