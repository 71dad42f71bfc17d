import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';

import { Clipboard } from '../../static/js/clipboard.js';
import { isPaste } from '../../static/js/clipboard_gate.js';
import { ClipReceiver, ClipSender } from '../../static/js/clips.js';
import { mockTimers, settled } from './support.js';

const KIB = 1024;

function clipOf(text, html = null, png = null) {
  return { text, html, png };
}

/** Ctrl+V as the DOM tells it. */
function chord(more = {}) {
  return { key: 'v', code: 'KeyV', ctrlKey: true, metaKey: false, altKey: false, shiftKey: false, repeat: false, ...more };
}

function keyV(down) {
  return { type: 'key', key: 'v', code: 'KeyV', down };
}

/** A clipboard in a browser that lets the page write or not; what it sent in short, and what was written. */
function clipboardOf({ takes = 1000, lets = () => true, holds = clipOf(null) } = {}) {
  const sent = [], written = [];
  const local = {
    expectPaste() {},
    async write(clip) {
      if (lets()) written.push(clip);
      return lets();
    },
    read: async () => holds,
  };
  const clipboard = new Clipboard(local, (message) => {
    if (message.type === 'key') sent.push(`${message.down ? '+' : '-'}${message.key}`);
    else if (message.type === 'clip') sent.push(`clip ${message.parts.map(({ mime, size }) => `${mime} ${size}`)}`);
    else if (message.type === 'clip_chunk') sent.push(new TextDecoder().decode(message.data));
  }, () => {});
  clipboard.limit({ takes, gives: 1000 });
  /** The whole of a paste by keys. */
  const paste = (clip) => {
    clipboard.begin(chord());
    clipboard.pass(keyV(true));
    clipboard.paste(clip);
    clipboard.pass(keyV(false));
    return sent.splice(0);
  };
  /** The desktop copies. */
  const copy = async (text) => {
    const data = new TextEncoder().encode(text);
    clipboard.take({ type: 'clip', parts: data.length ? [{ mime: 'text/plain', size: data.length }] : [] });
    if (data.length) clipboard.take({ type: 'clip_chunk', data });
    await settled();
  };
  return { clipboard, sent, written, paste, copy };
}

describe('Clipboard, pasting', () => {
  test('what is pasted goes before the key that pastes it, and all that is typed after', () => {
    const { clipboard, sent } = clipboardOf();
    assert.ok(clipboard.begin(chord()));
    clipboard.pass(keyV(true));
    clipboard.pass(keyV(false));
    clipboard.pass({ ...keyV(true), key: 'x', code: 'KeyX' });
    assert.deepEqual(sent, []);
    clipboard.paste(clipOf('text', '<b>'));
    assert.deepEqual(sent, ['clip text/plain 4,text/html 3', 'text', '<b>', '+v', '-v', '+x']);
  });

  test('where the browser pastes nothing, the key goes soon', () => {
    mockTimers('setTimeout');
    const { clipboard, sent } = clipboardOf();
    clipboard.begin(chord());
    clipboard.pass(keyV(true));
    mock.timers.tick(499);
    assert.deepEqual(sent, []);
    mock.timers.tick(1);
    assert.deepEqual(sent, ['+v']);
    mock.timers.reset();
  });

  test('a key that is held pastes once in the browser', () => {
    const { clipboard, paste } = clipboardOf();
    assert.ok(!clipboard.begin(chord({ repeat: true })));
    assert.deepEqual(paste(clipOf('text')).length, 4);
  });

  test('what was pasted is not sent again, and what has changed is', () => {
    const { paste } = clipboardOf();
    paste(clipOf('one\ntwo'));
    assert.deepEqual(paste(clipOf('one\r\ntwo')), ['+v', '-v']);
    assert.deepEqual(paste(clipOf('one\ntwo', '<b>')), ['clip text/plain 7,text/html 3', 'one\ntwo', '<b>', '+v', '-v']);
    assert.deepEqual(paste(clipOf('three'))[0], 'clip text/plain 5');
  });

  test('an image is sent each time', async () => {
    const { paste, sent } = clipboardOf();
    const png = new Blob(['PNG']);
    for (let time = 0; time < 2; time++) {
      assert.deepEqual(paste(clipOf(null, null, png)), ['clip image/png 3', '+v', '-v']);
      await settled();
      assert.deepEqual(sent.splice(0), ['PNG']);
    }
  });

  test('what is too large is announced, for the server to say so, and nothing older is pasted', () => {
    const { paste } = clipboardOf({ takes: 3 });
    assert.deepEqual(paste(clipOf('four')), ['clip text/plain 4', '-v']);
    assert.deepEqual(paste(clipOf('six')), ['clip text/plain 3', 'six', '+v', '-v']);
  });

  test('where pasting is off, the key is only a key', () => {
    const { clipboard } = clipboardOf({ takes: 0 });
    assert.ok(!clipboard.begin(chord()));
  });

  test('a desktop that has copied since is the newer, until the person goes elsewhere', async () => {
    const { clipboard, paste, copy } = clipboardOf({ lets: () => false });
    for (const copied of ['from the desktop', '']) {
      await copy(copied);
      assert.deepEqual(paste(clipOf('older')), ['+v', '-v']);
      clipboard.leave();
      assert.equal(paste(clipOf('newer' + copied)).length, 4);
    }
  });

  test('what the desktop has no longer is sent again', () => {
    const { clipboard, paste } = clipboardOf();
    paste(clipOf('text'));
    clipboard.lose();
    assert.deepEqual(paste(clipOf('text')).length, 4);
  });

  test('what was copied elsewhere is there for the desktop’s menus, where the page may look', async () => {
    const { clipboard, sent } = clipboardOf({ holds: clipOf('text') });
    await clipboard.look();
    assert.deepEqual(sent.splice(0), ['clip text/plain 4', 'text']);
    await clipboard.look();
    assert.deepEqual(sent, []);
    const small = clipboardOf({ takes: 3, holds: clipOf('text') });
    await small.clipboard.look();
    assert.deepEqual(small.sent, []);
  });

  test('a new connection has nothing of what was pasted', () => {
    const { clipboard, paste } = clipboardOf();
    paste(clipOf('text'));
    clipboard.forget();
    clipboard.limit({ takes: 10, gives: 10 });
    assert.deepEqual(paste(clipOf('text')).length, 4);
  });
});

describe('Clipboard, copying', () => {
  test('what the desktop copies is written, and not sent back', async () => {
    const { written, paste, copy } = clipboardOf();
    await copy('ñ é ß あ 漢 🙂');
    assert.deepEqual(written, [clipOf('ñ é ß あ 漢 🙂')]);
    assert.deepEqual(paste(clipOf('ñ é ß あ 漢 🙂', '<b>cleaned</b>')), ['+v', '-v']);
  });

  test('what may not be written waits for something done by hand, but for what may begin a paste', async () => {
    let lets = false;
    const { clipboard, written, copy } = clipboardOf({ lets: () => lets });
    await copy('text');
    lets = true;
    clipboard.gesture({ type: 'keydown', key: 'Control' });
    clipboard.gesture({ type: 'keydown', ...chord() });
    assert.deepEqual(written, []);
    clipboard.gesture({ type: 'keyup', key: 'c' });
    assert.deepEqual(written, [clipOf('text')]);
    await settled();
    clipboard.gesture({ type: 'pointerdown' });
    assert.equal(written.length, 1);
  });

  test('what a key copies is written though the browser only lets pages write soon after it', async () => {
    mockTimers('setTimeout');
    let lets = false;
    const { clipboard, written, copy } = clipboardOf({ lets: () => lets });
    clipboard.gesture({ type: 'keydown', ...chord({ key: 'c', code: 'KeyC' }) });
    await copy('text');
    lets = true;
    mock.timers.tick(30);
    assert.deepEqual(written, [clipOf('text')]);
    mock.timers.reset();
  });

  test('what waits is dropped when the person goes elsewhere, and may copy there', async () => {
    const { clipboard, written, copy } = clipboardOf({ lets: () => false });
    await copy('text');
    clipboard.leave();
    clipboard.gesture({ type: 'pointerdown' });
    assert.deepEqual(written, []);
  });

  test('a program that gives back what was pasted changes nothing', async () => {
    const { written, paste, copy } = clipboardOf();
    paste(clipOf('text', '<b>text</b>'));
    await copy('text');
    assert.deepEqual(written, []);
    // Somebody who copies the same later means it.
    await copy('other');
    await copy('text');
    assert.deepEqual(written, [clipOf('other'), clipOf('text')]);
  });
});

test('chords that paste', () => {
  const pasting = [
    chord(), chord({ key: 'V', shiftKey: true }), chord({ key: 'м' }), chord({ ctrlKey: false, metaKey: true }),
    chord({ key: 'Insert', code: 'Insert', ctrlKey: false, shiftKey: true }),
  ];
  for (const event of pasting) assert.ok(isPaste(event), JSON.stringify(event));
  const others = [
    chord({ ctrlKey: false }), chord({ altKey: true }), chord({ key: 'c', code: 'KeyC' }), chord({ key: 'k' }),
    chord({ key: 'Insert', code: 'Insert' }), chord({ metaKey: true }),
  ];
  for (const event of others) assert.ok(!isPaste(event), JSON.stringify(event));
});

describe('ClipSender', () => {
  test('no more is on its way than the server wants', () => {
    const sizes = [];
    const sender = new ClipSender((message) => message.type === 'clip_chunk' && sizes.push(message.data.length));
    sender.send(clipOf('x'.repeat(400 * KIB)), Infinity);
    assert.deepEqual(sizes, Array(6).fill(48 * KIB));
    sender.acked({ type: 'clip_ack', size: 144 * KIB });
    assert.deepEqual(sizes, [...Array(8).fill(48 * KIB), 16 * KIB]);
  });

  test('an image that can not be read lets nobody wait', async () => {
    const sent = [];
    const sender = new ClipSender((message) => sent.push(message));
    sender.send(clipOf(null, null, { size: 3, arrayBuffer: () => Promise.reject(new Error()) }), Infinity);
    await settled();
    assert.deepEqual(sent.at(-1), { type: 'clip', parts: [] });
  });
});

describe('ClipReceiver', () => {
  const encode = (text) => new TextEncoder().encode(text);

  test('a clip is put together from its pieces, each acknowledged', async () => {
    const acks = [];
    const receiver = new ClipReceiver(({ size }) => acks.push(size));
    const parts = [{ mime: 'text/plain', size: 4 }, { mime: 'text/html', size: 3 }, { mime: 'image/png', size: 3 }];
    assert.equal(receiver.take({ type: 'clip', parts }), null);
    const bytes = encode('あx<b>PNG');
    assert.equal(receiver.take({ type: 'clip_chunk', data: bytes.slice(0, 2) }), null);
    const { text, html, png } = receiver.take({ type: 'clip_chunk', data: bytes.slice(2) });
    assert.deepEqual([text, html, await png.text()], ['あx', '<b>', 'PNG']);
    assert.deepEqual(acks, [2, 8]);
  });

  test('a new clip takes the place of one that is not complete', () => {
    const receiver = new ClipReceiver(() => {});
    receiver.take({ type: 'clip', parts: [{ mime: 'text/plain', size: 4 }] });
    receiver.take({ type: 'clip_chunk', data: encode('ab') });
    receiver.take({ type: 'clip', parts: [{ mime: 'text/plain', size: 2 }] });
    assert.equal(receiver.take({ type: 'clip_chunk', data: encode('cd') }).text, 'cd');
  });

  test('more than was announced is an error', () => {
    const receiver = new ClipReceiver(() => {});
    assert.throws(() => receiver.take({ type: 'clip_chunk', data: encode('a') }));
  });
});
