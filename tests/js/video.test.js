import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';

import { decodableCodecs } from '../../static/js/codecs.js';
import { Videos, configOf } from '../../static/js/video.js';
import { WireError } from '../../static/js/malformed.js';
import { settled } from './support.js';

const KEY = { kind: 'video', codec: 'h264', stream: 0, isKey: true, left: 5, top: 7, width: 63, height: 64, data: 'key' };
const DELTA = { ...KEY, isKey: false, data: 'delta' };

describe('Videos', () => {
  let decoders, frames, videos;

  beforeEach(() => {
    [decoders, frames] = [[], []];
    const createDecoder = (init) => {
      const decoder = {
        state: 'unconfigured',
        chunks: [],
        configure(config) { [this.config, this.state] = [config, 'configured']; },
        decode(chunk) { this.chunks.push(chunk); },
        close() { this.state = 'closed'; },
        finish(displayWidth = 64, displayHeight = 64) {
          const frame = { displayWidth, displayHeight, isClosed: false, close() { this.isClosed = true; } };
          frames.push(frame);
          init.output(frame);
        },
        fail() { this.state = 'closed'; init.error(new Error('broken')); },
      };
      decoders.push(decoder);
      return decoder;
    };
    const createBitmap = async (frame, width, height) => ({ frame: frames.indexOf(frame), width, height });
    videos = new Videos({ createDecoder, createChunk: (init) => init, createBitmap });
  });

  test('each chunk becomes one picture of the size of its rect, in order', async () => {
    const coming = [videos.decode(KEY), videos.decode(DELTA)];
    assert.deepEqual(decoders[0].chunks, [
      { type: 'key', timestamp: 0, data: 'key' }, { type: 'delta', timestamp: 1, data: 'delta' },
    ]);
    decoders[0].finish();
    decoders[0].finish();
    assert.deepEqual(await Promise.all(coming), [{ frame: 0, width: 63, height: 64 }, { frame: 1, width: 63, height: 64 }]);
    assert.deepEqual(frames.map(({ isClosed }) => isClosed), [true, true]);
  });

  test('a decoder is told the size of its frames, both sides even', () => {
    videos.decode(KEY);
    const { codec, codedWidth, codedHeight, optimizeForLatency } = decoders[0].config;
    assert.deepEqual([codec, codedWidth, codedHeight, optimizeForLatency], ['avc1.42e01f', 64, 64, true]);
  });

  test('a key of the same size goes to the same decoder, another size to another one', async () => {
    const lost = [videos.decode(KEY), videos.decode(KEY)];
    assert.equal(decoders.length, 1);
    videos.decode({ ...KEY, width: 62 });
    assert.deepEqual(decoders.map(({ state }) => state), ['closed', 'configured']);
    for (const picture of lost) await assert.rejects(picture, /ended/);
  });

  test('streams are apart', async () => {
    const first = videos.decode(KEY), second = videos.decode({ ...KEY, stream: 3, codec: 'vp8' });
    decoders[1].finish();
    assert.equal((await second).frame, 0);
    decoders[0].finish();
    assert.equal((await first).frame, 1);
  });

  test('what goes on without its beginning is refused', async () => {
    await assert.rejects(videos.decode(DELTA), WireError);
    videos.decode(KEY);
    await assert.rejects(videos.decode({ ...DELTA, width: 60 }), WireError);
    await assert.rejects(videos.decode({ ...DELTA, codec: 'vp8' }), WireError);
  });

  test('an error of the decoder rejects all that wait, and the next key begins anew', async () => {
    const coming = [videos.decode(KEY), videos.decode(DELTA)];
    decoders[0].fail();
    for (const picture of coming) await assert.rejects(picture, /broken/);
    await assert.rejects(videos.decode(DELTA), WireError);
    const again = videos.decode(KEY);
    decoders[1].finish();
    assert.equal((await again).frame, 0);
  });

  test('a frame of another size than its rect is an error', async () => {
    const coming = videos.decode(KEY);
    decoders[0].finish(128, 64);
    await assert.rejects(coming, WireError);
    assert.ok(frames[0].isClosed);
  });

  test('a reset closes the decoders, and what waits comes to nothing', async () => {
    const coming = videos.decode(KEY);
    videos.reset();
    await assert.rejects(coming);
    assert.equal(decoders[0].state, 'closed');
    decoders[0].finish();
    await settled();
    assert.ok(frames[0].isClosed);
    await assert.rejects(videos.decode(DELTA), WireError);
  });
});

describe('codecs', () => {
  afterEach(() => { delete globalThis.VideoDecoder; });

  test('H.264 is asked for with a level that suits its size', () => {
    const levels = [[1280, 720], [1920, 1080], [3840, 2160], [7680, 4320]].map((size) => configOf('h264', ...size).codec);
    assert.deepEqual(levels, ['avc1.42e01f', 'avc1.42e028', 'avc1.42e033', 'avc1.42e03e']);
  });

  test('without WebCodecs nothing is decoded', async () => {
    assert.deepEqual(await decodableCodecs(), []);
  });

  test('what the browser says it decodes is told, and no more', async () => {
    globalThis.VideoDecoder = { isConfigSupported: async ({ codec }) => ({ supported: codec === 'vp8' }) };
    assert.deepEqual(await decodableCodecs(), ['vp8']);
    globalThis.VideoDecoder = { isConfigSupported: () => Promise.reject(new TypeError('what?')) };
    assert.deepEqual(await decodableCodecs(), []);
  });
});
