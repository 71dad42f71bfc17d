import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Offstage } from '../../static/js/offstage.js';
import { settled } from './support.js';

test('what is for a part waits for it, in its order, and the part is fetched once', async () => {
  let come, fetched = 0;
  const did = [];
  const stage = new Offstage(() => new Promise((resolve) => {
    fetched += 1;
    come = resolve;
  }), assert.fail);
  for (const n of [1, 2, 3]) stage.call((part) => did.push(`${part} ${n}`));
  assert.deepEqual([did, stage.part], [[], null]);
  come('part');
  await settled();
  stage.call((part) => did.push(`${part} 4`));
  assert.deepEqual(did, ['part 1', 'part 2', 'part 3', 'part 4']);
  assert.deepEqual([fetched, stage.part], [1, 'part']);
});

test('what could not be fetched is told, and fetched anew when it is wanted again', async () => {
  const lost = [], did = [];
  let isThere = false;
  const stage = new Offstage(async () => {
    if (!isThere) throw new Error('gone');
    return 'part';
  }, (error) => lost.push(error.message));
  stage.call((part) => did.push(part));
  await settled();
  assert.deepEqual([lost, did], [['gone'], []]);
  isThere = true;
  stage.call((part) => did.push(part));
  await settled();
  assert.deepEqual([lost, did], [['gone'], ['part']]);
});

test('what waits for a part that doesn’t come is done without it, in its order', async () => {
  const did = [];
  const stage = new Offstage(async () => {
    await settled();
    throw new Error('gone');
  }, (error) => did.push(error.message));
  for (const n of [1, 2]) stage.call(assert.fail, () => did.push(n));
  assert.deepEqual(did, []);
  await settled();
  await settled();
  assert.deepEqual(did, [1, 2, 'gone', 'gone']);
});
