import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { test } from 'node:test';

const STATIC = new URL('../../static/', import.meta.url);
const page = readFileSync(new URL('index.html', STATIC), 'utf8');
const modules = readdirSync(new URL('js/', STATIC), { recursive: true })
  .filter((name) => name.endsWith('.js')).map((name) => `js/${name}`).sort();

/** The modules that a module loads, itself among them. */
function loadedBy(name, found = new Set([name])) {
  for (const [, other] of readFileSync(new URL(name, STATIC), 'utf8').matchAll(/^(?:import .* from|.*await import\()\s*'([^']+)'\)?;$/gm)) {
    const path = new URL(other, new URL(name, STATIC)).href.slice(STATIC.href.length);
    if (!found.has(path)) loadedBy(path, found.add(path));
  }
  return found;
}

test('the page fetches all modules at once, not one after the other', () => {
  const preloaded = [...page.matchAll(/modulepreload" href="([^"]+)"/g)].map((match) => match[1]);
  assert.deepEqual([...preloaded, 'js/main.js'].sort(), [...loadedBy('js/main.js')].sort());
});

test('no module is there for nothing', () => {
  const roots = ['js/main.js', 'js/line_worker.js', 'js/embed.js'];
  assert.deepEqual([...new Set(roots.flatMap((root) => [...loadedBy(root)]))].sort(), modules);
});

test('the page has nothing inline, and nothing from elsewhere', () => {
  assert.doesNotMatch(page, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?:|href="\/|src="\//);
});

test('no module writes HTML', () => {
  for (const name of [...modules, 'voxy.js']) {
    assert.doesNotMatch(readFileSync(new URL(name, STATIC), 'utf8'), /innerHTML|outerHTML|insertAdjacentHTML|eval\(/);
  }
});

test('what a page loads before a desktop is in it stays small', () => {
  assert.ok(statSync(new URL('voxy.js', STATIC)).size < 60_000);
  assert.deepEqual([...loadedBy('voxy.js')], ['voxy.js']);
});
