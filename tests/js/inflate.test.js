import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';

import { inflate, pixelsOf } from '../../static/js/inflate.js';

const BOMB = new Uint8Array(deflateSync(new Uint8Array(1 << 24)));

const deflated = (...bytes) => new Uint8Array(deflateSync(Uint8Array.from(bytes)));

const rects = (width, height = 1) => [{ left: 0, top: 0, width, height }];
const pixels = async (deflated) => new Uint8ClampedArray(pixelsOf({ ...deflated, data: await inflate(deflated) }).buffer);
const colours = (data, width, height) => pixels({ isIndexed: false, rects: rects(width, height), data });
const indexed = (data, width) => pixels({ isIndexed: true, rects: rects(width), data });

describe('deflated pixels', () => {
  test('are those that were deflated, and opaque', async () => {
    assert.deepEqual([...await colours(deflated(1, 2, 3, 250, 251, 252), 2)], [1, 2, 3, 255, 250, 251, 252, 255]);
  });

  test('are the colours that their indices count', async () => {
    const drawn = await indexed(deflated(0x10, 0x10, 1, 2, 3, 250, 251, 252), 3);
    const one = [250, 251, 252, 255], zero = [1, 2, 3, 255], beyond = zero;
    assert.deepEqual([...drawn], [...one, ...zero, ...one, ...beyond]);
  });

  test('are whole however many parts the stream comes out in', async () => {
    const rgb = Uint8Array.from({ length: 3 * 65536 }, (_, index) => index * index % 251);
    const drawn = await colours(new Uint8Array(deflateSync(rgb)), 256, 256);
    assert.deepEqual(drawn.filter((_, index) => index % 4 < 3), Uint8ClampedArray.from(rgb));
    assert.ok(drawn.every((value, index) => index % 4 < 3 || value === 255));
  });

  test('are no more than the stream held until they are drawn', async () => {
    const data = await inflate({ isIndexed: true, rects: rects(3), data: deflated(0x10, 0x10, 1, 2, 3, 250, 251, 252) });
    assert.equal(data.buffer.byteLength, 8);
  });

  for (const [what, stream] of Object.entries({
    'fewer pixels': deflated(1, 2, 3),
    'more pixels': deflated(1, 2, 3, 4, 5, 6, 7),
    'a stream that is cut': deflated(1, 2, 3, 4, 5, 6).subarray(0, -5),
    'what is no stream': Uint8Array.of(1, 2, 3),
    'nothing': new Uint8Array(),
    'a bomb': BOMB,
  })) {
    test(`${what}: an error`, () => assert.rejects(colours(stream, 2)));
  }

  test('a bomb is not read to its end, where this one is cut', async () => {
    await assert.rejects(colours(BOMB.subarray(0, -5), 2), RangeError);
  });

  for (const [what, stream] of Object.entries({
    'fewer indices': deflated(),
    'an index beyond the palette': deflated(0x01, 1, 2, 3),
    'a palette with colours that nothing has': deflated(0, 1, 2, 3, 4, 5, 6),
  })) {
    test(`${what}: an error`, () => assert.rejects(indexed(stream, 2)));
  }
});
