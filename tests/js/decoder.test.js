import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { Decoder, hasSizeFor } from '../../static/js/decoder.js';
import { settled } from './support.js';

const FILL = { kind: 'fill', colour: '#000000', blocks: [0] };
const ATLAS = { kind: 'atlas', encoding: 'png', columns: 1, blocks: [0], data: new Uint8Array() };
const VIDEO = { kind: 'video', left: 0, top: 0, width: 63, height: 64, data: new Uint8Array(9) };
const update = (seq, ...operations) => ({ type: 'update', seq, width: 64, height: 64, operations });

describe('Decoder', () => {
  /** Decodes that are under way. */
  let decodes, painted, errors, resets, decoder;

  beforeEach(() => {
    [decodes, painted, errors, resets] = [[], [], [], 0];
    const create = (width) => new Promise((resolve, reject) => {
      const bitmap = { width, height: 64, isClosed: false, close() { this.isClosed = true; } };
      decodes.push({ bitmap, finish: () => resolve(bitmap), fail: () => reject(new Error('broken')) });
    });
    const videos = { decode: ({ width }) => create(width), reset: () => resets++ };
    const onDecoded = ({ update: { seq } }) => painted.push(seq);
    decoder = new Decoder(onDecoded, (error) => errors.push(error), () => create(64), videos);
  });

  test('updates are decoded at the same time and handed over in order', async () => {
    decoder.take(update(1, ATLAS));
    decoder.take(update(2, ATLAS));
    decoder.take(update(3, FILL));
    assert.equal(decodes.length, 2);
    decodes[1].finish();
    await settled();
    assert.deepEqual(painted, []);
    decodes[0].finish();
    await settled();
    assert.deepEqual(painted, [1, 2, 3]);
  });

  test('an update without an image is handed over within the same task', () => {
    decoder.take(update(1, FILL));
    assert.deepEqual(painted, [1]);
  });

  test('an update waits for all of its images', async () => {
    decoder.take(update(1, ATLAS, FILL, ATLAS));
    decodes[1].finish();
    await settled();
    assert.deepEqual(painted, []);
    decodes[0].finish();
    await settled();
    assert.deepEqual(painted, [1]);
  });

  test('after an image that fails nothing is handed over until a reset', async () => {
    decoder.take(update(1, ATLAS));
    decoder.take(update(2, FILL));
    decodes[0].fail();
    await settled();
    assert.equal(errors.length, 1);
    assert.deepEqual(painted, []);
    decoder.reset();
    decoder.take(update(1, FILL));
    assert.deepEqual(painted, [1]);
  });

  test('an image of another size than its blocks need is an error', async () => {
    decoder.take(update(1, { ...ATLAS, blocks: [0, 1] }));
    decodes[0].finish();
    await settled();
    assert.deepEqual([painted, errors.length], [[], 1]);
  });

  test('a video is a picture as any other', async () => {
    const video = { ...VIDEO };
    decoder.take(update(1, video, ATLAS));
    decodes[1].finish();
    await settled();
    assert.deepEqual(painted, []);
    decodes[0].finish();
    await settled();
    assert.deepEqual([painted, errors, video.data.length], [[1], [], 0]);
  });

  test('a video that fails is an error, and a reset forgets the streams', async () => {
    decoder.take(update(1, VIDEO));
    decodes[0].fail();
    await settled();
    assert.deepEqual([painted, errors.length], [[], 1]);
    decoder.reset();
    assert.equal(resets, 1);
  });

  test('what a painter throws is reported, even from an update with images', async () => {
    decoder = new Decoder(() => { throw new Error('no'); }, (error) => errors.push(error), async () => (
      { width: 64, height: 64, close() {} }
    ));
    decoder.take(update(1, ATLAS));
    await settled();
    assert.equal(errors.length, 1);
  });

  test('a reset closes what is decoded, and what still arrives', async () => {
    decoder.take(update(1, ATLAS, ATLAS));
    decodes[0].finish();
    await settled();
    decoder.reset();
    decodes[1].finish();
    await settled();
    assert.deepEqual(decodes.map(({ bitmap }) => bitmap.isClosed), [true, true]);
    assert.deepEqual([painted, errors], [[], []]);
  });
});

test('an image has rows for all of its blocks, the last one perhaps not full', () => {
  assert.ok(hasSizeFor({ width: 192, height: 128 }, { columns: 3, blocks: { length: 4 } }));
  assert.ok(!hasSizeFor({ width: 192, height: 64 }, { columns: 3, blocks: { length: 4 } }));
  assert.ok(!hasSizeFor({ width: 128, height: 128 }, { columns: 3, blocks: { length: 4 } }));
});
