import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';

import { View } from '../../static/js/view.js';
import { Zoom } from '../../static/js/zoom.js';

/** As much of a browser's layout as the view touches: a box that scrolls, with what it has in it. */
class Elements {
  canvas = { width: 1000, height: 500, style: {} };
  clip = { style: {}, getBoundingClientRect: () => this.#box() };
  #scrolled = { left: 0, top: 0 };

  constructor() {
    const elements = this;
    this.scroller = {
      style: {},
      get clientWidth() { return elements.px(this, 'width'); },
      get clientHeight() { return elements.px(this, 'height'); },
      get scrollLeft() { return elements.#scrolled.left; },
      set scrollLeft(to) { elements.#scrolled.left = elements.#bounded(to, 'width', 'left'); },
      get scrollTop() { return elements.#scrolled.top; },
      set scrollTop(to) { elements.#scrolled.top = elements.#bounded(to, 'height', 'top'); },
    };
  }

  px({ style }, name) {
    return Number.parseFloat(style[name] ?? '0');
  }

  #bounded(to, length, start) {
    const inside = this.px(this.clip, start) + this.px(this.clip, length);
    return Math.max(0, Math.min(to, inside - this.px(this.scroller, length)));
  }

  #box() {
    const { clip, scroller } = this;
    // What became smaller is scrolled back.
    scroller.scrollLeft += 0;
    scroller.scrollTop += 0;
    return {
      left: this.px(scroller, 'left') + this.px(clip, 'left') - this.#scrolled.left,
      top: this.px(scroller, 'top') + this.px(clip, 'top') - this.#scrolled.top,
      width: this.px(clip, 'width'), height: this.px(clip, 'height'),
    };
  }
}

describe('View', () => {
  let elements, view, zoom, win, places;
  const box = () => elements.clip.getBoundingClientRect();
  /** The remote pixel that is shown at a point of the window. */
  const pixelAt = (x, y) => [((x - box().left) * 1000) / box().width, ((y - box().top) * 500) / box().height];

  beforeEach(() => {
    elements = new Elements();
    win = { full: { width: 500, height: 400 }, free: { left: 0, top: 0, width: 500, height: 400 }, ratio: 1 };
    places = 0;
    view = new View(elements, () => (places += 1), () => win);
    zoom = new Zoom(view);
    view.show('fit', null);
  });

  test('fits the screen, and tells when it is placed', () => {
    assert.deepEqual(box(), { left: 0, top: 75, width: 500, height: 250 });
    assert.equal(elements.scroller.style.overflow, 'hidden');
    assert.equal(places, 1);
  });

  test('has scroll bars at its actual size only where it is larger', () => {
    view.show('actual', null);
    assert.equal(box().width, 1000);
    assert.equal(elements.scroller.style.overflow, 'auto');
    win.full = { width: 1000, height: 500 };
    win.free = { left: 0, top: 0, width: 1000, height: 500 };
    view.update();
    assert.equal(elements.scroller.style.overflow, 'hidden');
  });

  test('enlarges about a point, which stays where it is', () => {
    for (const factor of [2, 1.5, 1.3]) {
      const before = pixelAt(300, 210);
      zoom.zoomAt(factor, { clientX: 300, clientY: 210 });
      const after = pixelAt(300, 210);
      assert.ok(Math.abs(after[0] - before[0]) < 2 && Math.abs(after[1] - before[1]) < 2, `${before} ${after}`);
    }
    assert.ok(view.zoom > 1);
    assert.equal(elements.scroller.style.overflow, 'auto');
  });

  test('enlarges eight times at the most, and never makes smaller', () => {
    zoom.zoomAt(100, { clientX: 0, clientY: 100 });
    assert.equal(box().width, 4000);
    zoom.zoomAt(0.0001, { clientX: 0, clientY: 100 });
    assert.equal(box().width, 500);
    assert.equal(view.zoom, 1);
  });

  test('moves like paper, and says for what there was none', () => {
    zoom.zoomAt(2, { clientX: 0, clientY: 75 });
    assert.deepEqual(zoom.pan(-100, 0), { dx: 0, dy: 0 });
    assert.equal(box().left, -100);
    assert.deepEqual(zoom.pan(150, 0), { dx: 50, dy: 0 });
    assert.equal(box().left, 0);
    assert.deepEqual(zoom.pan(-700, 0), { dx: -200, dy: 0 });
  });

  test('brings a pixel into sight, and not to the edge', () => {
    zoom.zoomAt(4, { clientX: 0, clientY: 75 });
    zoom.reveal({ x: 900, y: 300 });
    const left = box().left + 900 * 2, top = box().top + 300 * 2;
    assert.ok(left >= 100 && left <= 400 && top >= 80 && top <= 320, `${left} ${top}`);
  });

  test('keeps its size and what is worked at in sight when a keyboard covers half of it', () => {
    elements.canvas.height = 800;
    view.update();
    assert.equal(box().height, 400);
    zoom.keep({ x: 500, y: 780 });
    win.free = { left: 0, top: 0, width: 500, height: 200 };
    view.update();
    assert.equal(box().height, 400);
    const shownAt = box().top + (780 * box().height) / 800;
    assert.ok(shownAt > 0 && shownAt < 200, String(shownAt));
    win.free.height = 400;
    view.update();
    assert.equal(box().top, 0);
  });

  test('forgets its zoom with the mode', () => {
    zoom.zoomAt(2, { clientX: 0, clientY: 0 });
    view.show('actual', null);
    assert.equal(view.zoom, 1);
  });
});
