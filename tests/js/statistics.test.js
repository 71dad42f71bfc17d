import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import './words.js';
import { inFigures, inPercent } from '../../static/js/panel.js';
import { STAGES, Statistics } from '../../static/js/statistics.js';
import { TEXT } from '../../static/js/text.js';

describe('Statistics', () => {
  let now, statistics;
  const times = (seq, more) => (
    { type: 'times', seq, grab_ms: 1, diff_ms: 2, encode_ms: 3, send_ms: 4, ack_ms: 30, exact: 0.9, ...more }
  );
  const picture = (seq, more) => {
    statistics.received(1000);
    statistics.shown({ seq, decodeMs: 5, browserMs: 12 });
    statistics.told(times(seq, more));
  };

  beforeEach(() => {
    now = 10_000;
    statistics = new Statistics(() => now);
  });

  test('knows nothing at first', () => {
    assert.deepEqual(statistics.summarize(), {
      roundTripMs: null, framesS: 0, mbitS: 0, exact: null, partsMs: null, slowest: null,
    });
  });

  test('the line has what is left between the server and the browser', () => {
    picture(1);
    const { partsMs, slowest, exact } = statistics.summarize();
    assert.deepEqual(partsMs, { server: 10, line: 18, browser: 12 });
    assert.deepEqual(slowest, { stage: 'line', ms: 18 });
    assert.equal(exact, 0.9);
  });

  test('the slowest stage is that with the largest mean', () => {
    picture(1, { encode_ms: 90 });
    picture(2, { grab_ms: 21 });
    picture(3, { grab_ms: 21 });
    assert.equal(statistics.summarize().slowest.stage, 'encode');
    picture(4, { grab_ms: 200 });
    assert.deepEqual(statistics.summarize().slowest, { stage: 'grab', ms: 243 / 4 });
  });

  test('clocks that differ a little make no negative times', () => {
    picture(1, { ack_ms: 11 });
    assert.equal(statistics.summarize().partsMs.line, 0);
  });

  test('rates are of the last two seconds', () => {
    for (let seq = 0; seq < 200; seq++) {
      now += 20;
      picture(seq);
    }
    const { framesS, mbitS } = statistics.summarize();
    assert.equal(framesS, 50);
    assert.equal(mbitS, 0.4);
    now += 2_000;
    const { framesS: none, partsMs, exact } = statistics.summarize();
    assert.deepEqual([none, partsMs, exact], [0, null, 0.9]);
  });

  test('soon after the beginning rates are of the time since', () => {
    for (let seq = 0; seq < 50; seq++) {
      now += 20;
      picture(seq);
    }
    assert.equal(statistics.summarize().framesS, 50);
  });

  test('several updates in one frame are one frame and all of their bytes', () => {
    statistics.received(1000);
    picture(2);
    now += 1000;
    const { framesS, mbitS } = statistics.summarize();
    assert.deepEqual([framesS, mbitS], [1, 0.016]);
  });

  test('what the server says of a picture from before only tells how exact it is', () => {
    statistics.told(times(1));
    assert.deepEqual([statistics.summarize().partsMs, statistics.summarize().exact], [null, 0.9]);
  });

  test('another connection begins anew', () => {
    statistics.answered(7);
    assert.equal(statistics.summarize().roundTripMs, 7);
    picture(1);
    statistics.reset();
    const { roundTripMs, partsMs, exact } = statistics.summarize();
    assert.deepEqual([roundTripMs, partsMs, exact], [null, null, null]);
  });
});

test('each stage has a name', () => {
  assert.deepEqual(Object.keys(TEXT.stages).sort(), Object.values(STAGES).flat().sort());
});

test('numbers have as many figures as mean something', () => {
  assert.deepEqual([null, 0, 0.346, 0.996, 9.94, 9.96, 123.4].map(inFigures), ['–', '0', '0.35', '1.0', '9.9', '10', '123']);
});

test('only all is 100 percent', () => {
  assert.deepEqual([null, 0, 0.9999, 1].map(inPercent), ['–', '0', '99', '100']);
});
