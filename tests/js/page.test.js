import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

const STATIC = new URL('../../static/', import.meta.url);
const page = readFileSync(new URL('index.html', STATIC), 'utf8');
const modules = readdirSync(new URL('js/', STATIC), { recursive: true })
  .filter((name) => name.endsWith('.js')).map((name) => `js/${name}`).sort();

/** The modules that a module loads before it runs, itself among them; those that it fetches when they are wanted too. */
function loadedBy(name, withLater = false, found = new Set([name])) {
  const now = /^(?:import|export) .* from '([^']+)';$/gm, later = /import\('([^']+)'\)/g;
  const text = readFileSync(new URL(name, STATIC), 'utf8').replace(/\/\*.*?\*\//gs, '');
  for (const [, other] of [now, ...withLater ? [later] : []].flatMap((pattern) => [...text.matchAll(pattern)])) {
    const path = new URL(other, new URL(name, STATIC)).href.slice(STATIC.href.length);
    if (!found.has(path)) loadedBy(path, withLater, found.add(path));
  }
  return found;
}

const FIRST = ['js/main.js', 'js/viewer.js'].flatMap((name) => [...loadedBy(name)]);

test('the page fetches all modules that it begins with at once, not one after the other', () => {
  const preloaded = [...page.matchAll(/modulepreload" href="([^"]+)"/g)].map((match) => match[1]);
  assert.deepEqual([...preloaded, 'js/main.js'].sort(), [...new Set(FIRST)].sort());
});

test('the page begins without what is fetched when it is wanted', () => {
  for (const name of ['js/panels.js', 'js/clipboard.js', 'js/input/fingers.js', 'js/video.js']) {
    assert.ok(!FIRST.includes(name), name);
  }
});

test('no module is there for nothing', () => {
  const roots = ['js/main.js', 'js/line_worker.js', 'js/embed.js'];
  assert.deepEqual([...new Set(roots.flatMap((root) => [...loadedBy(root, true)]))].sort(), modules);
});

test('the page has nothing inline, and nothing from elsewhere', () => {
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?:|href="\/|src="\//);
});

test('no module writes HTML', () => {
  for (const name of [...modules, 'voxy.js', 'frame.js']) {
    assert.doesNotMatch(readFileSync(new URL(name, STATIC), 'utf8'), /innerHTML|outerHTML|insertAdjacentHTML|eval\(/);
  }
});

test('what a page elsewhere loads fetches nothing by itself', () => {
  for (const name of ['voxy.js', 'frame.js']) assert.deepEqual([...loadedBy(name)], [name]);
});
