import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { WireError } from '../../static/js/malformed.js';
import { parse, serialize } from '../../static/js/wire.js';
import { bufferOf, hexOf, randomOf } from './support.js';

const GOLDEN = JSON.parse(readFileSync(new URL('../data/wire.json', import.meta.url), 'utf8'));

/** What the server calls the data of an operation. */
const DATA = { atlas: 'image', patches: 'image', deflated: 'data', video: 'chunk' };

/** An update as the golden file writes it. */
function plain({ seq, width, height, operations }) {
  const list = operations.map(({ data, blocks, places, ...rest }) => ({
    ...rest, ...(blocks && { blocks: [...blocks] }), ...(places && { places: [...places] }),
    ...(data && { [DATA[rest.kind]]: hexOf(data) }),
  }));
  return { seq, width, height, operations: list };
}

describe('golden messages', () => {
  for (const { name, hex, message } of GOLDEN.update) {
    test(`update: ${name}`, () => assert.deepEqual(plain(parse(bufferOf(hex))), message));
  }
  for (const { name, hex } of GOLDEN.malformed_update) {
    test(`malformed update: ${name}`, () => assert.throws(() => parse(bufferOf(hex)), WireError));
  }
  for (const message of GOLDEN.text_from_server) {
    test(`text from the server: ${message.type}`, () => {
      const parsed = parse(JSON.stringify(message));
      const png = parsed.png && Buffer.from(parsed.png).toString('base64');
      assert.deepEqual('png' in parsed ? { ...parsed, png } : parsed, message);
    });
  }
  for (const { name, hex, message } of GOLDEN.motion) {
    test(`motion: ${name}`, () => assert.equal(hexOf(serialize({ type: 'motion', ...message })), hex));
  }
  for (const { name, hex, message } of GOLDEN.pointer) {
    test(`pointer: ${name}`, () => assert.equal(hexOf(serialize({ type: 'pointer', ...message })), hex));
  }
  for (const { name, hex, data } of GOLDEN.clip_chunk.from_server) {
    test(`chunk from the server: ${name}`, () => {
      const chunk = parse(bufferOf(hex));
      assert.deepEqual({ ...chunk, data: hexOf(chunk.data) }, { type: 'clip_chunk', data });
    });
  }
  for (const { name, hex, data } of GOLDEN.clip_chunk.from_viewer) {
    test(`chunk from the viewer: ${name}`, () => {
      assert.equal(hexOf(serialize({ type: 'clip_chunk', data: new Uint8Array(bufferOf(data)) })), hex);
    });
  }
  for (const message of GOLDEN.text_from_viewer) {
    test(`text from the viewer: ${message.type}`, () => assert.deepEqual(JSON.parse(serialize(message)), message));
  }
});

describe('malformed text', () => {
  const texts = [
    ...GOLDEN.malformed_text_from_viewer,
    '{"type":"welcome","protocol":"1","version":"","name":""}', '{"type":"state","state":"fine","reason":""}',
    '{"type":"state","state":"live"}', '{"type":"cursor","id":1,"x":0,"y":-1,"png":null}',
    '{"type":"cursor","id":1,"x":0,"y":0,"png":"%%"}', '{"type":"cursor","id":1,"x":0,"y":0}',
    '{"type":"times","seq":1,"grab_ms":0,"diff_ms":0,"encode_ms":0,"send_ms":0,"ack_ms":-1,"exact":1}',
    '{"type":"times","seq":1,"grab_ms":0,"diff_ms":0,"encode_ms":0,"send_ms":0,"ack_ms":"1","exact":1}',
    '{"type":"times","seq":1,"grab_ms":0,"diff_ms":0,"encode_ms":0,"send_ms":0,"ack_ms":0,"exact":1.1}',
    '{"type":"times","seq":1,"exact":1}', '{"type":"clipboard","takes":-1,"gives":0}', '{"type":"notice"}',
    '{"type":"size","mode":"auto","can_follow":true,"reason":""}', '{"type":"size","mode":"fit","reason":""}',
    '{"type":"monitors"}', '{"type":"monitors","monitors":[null]}', '{"type":"monitors","monitors":[{"name":"left"}]}',
    '{"type":"clip","parts":[null]}', '{"type":"clip","parts":{}}', '{"type":"clip","parts":[{"mime":"image/png"}]}',
    '{"type":"cursor","id":1.5,"x":0,"y":0,"png":""}', '{"type":"pong"}', '{"type":"constructor"}', '\ud800',
  ];
  for (const text of texts) test(JSON.stringify(text), () => assert.throws(() => parse(text), WireError));
});

test('an operation may start at an odd byte, and an image is not copied', () => {
  const data = bufferOf(GOLDEN.update[2].hex);
  for (const operation of parse(data).operations) if (operation.data) assert.equal(operation.data.buffer, data);
});

test('a field that a newer server adds is let pass', () => {
  assert.equal(parse('{"type":"pong","id":7,"more":1}').id, 7);
});

test('whatever comes is a message or a WireError', () => {
  const random = randomOf(7);
  const seeds = GOLDEN.update.map(({ hex }) => Buffer.from(hex, 'hex'));
  for (let round = 0; round < 20_000; round++) {
    const seed = seeds[round % seeds.length];
    const bytes = Uint8Array.from(seed.subarray(0, Math.ceil(random() * seed.length)));
    for (let hits = random() * 4; hits > 0; hits--) bytes[Math.floor(random() * bytes.length)] = random() * 256;
    orWireError(() => parse(bytes.buffer));
  }
  const texts = GOLDEN.text_from_server.map((message) => JSON.stringify(message));
  for (let round = 0; round < 20_000; round++) {
    const text = [...texts[round % texts.length]];
    for (let hits = random() * 4; hits > 0; hits--) {
      text[Math.floor(random() * text.length)] = String.fromCharCode(random() * 128);
    }
    orWireError(() => parse(text.join('')));
  }
});

function orWireError(call) {
  try {
    assert.equal(typeof call().type, 'string');
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
}
