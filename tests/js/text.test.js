import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { afterEach, describe, mock, test } from 'node:test';

import { fill, loadMore } from '../../static/js/sentences.js';
import { load, localize, TEXT } from '../../static/js/text.js';

const STATIC = new URL('../../static/', import.meta.url);
const read = (name) => readFileSync(new URL(name, STATIC), 'utf8');
const files = readdirSync(new URL('i18n/', STATIC));
const languages = files.filter((name) => !name.endsWith('.panels.json')).map((name) => name.replace('.json', ''));
const ofFile = (name) => JSON.parse(read(`i18n/${name}`));
const textsOf = (language) => ({ ...ofFile(`${language}.json`), ...ofFile(`${language}.panels.json`) });
const page = ['index.html', 'desktop.html', 'panels.html'].map(read).join('\n');
const modules = readdirSync(new URL('js/', STATIC), { recursive: true }).filter((name) => name.endsWith('.js'));
const code = modules.map((name) => read(`js/${name}`)).join('\n');

/** All texts by their path, `qualities.auto`. */
function flat(texts, before = '') {
  return Object.entries(texts).flatMap(([name, text]) =>
    typeof text === 'string' ? [[before + name, text]] : flat(text, `${before}${name}.`));
}

const english = new Map(flat(textsOf('en')));
const gaps = (text) => [...text.matchAll(/\{\w+\}/g)].map(([gap]) => gap).sort();

describe('the words', () => {
  for (const language of languages) {
    test(`of ${language} are all there, with the same gaps`, () => {
      const words = new Map(flat(textsOf(language)));
      assert.deepEqual([...words.keys()], [...english.keys()]);
      for (const [path, text] of words) {
        assert.ok(text.trim(), path);
        assert.deepEqual(gaps(text), gaps(english.get(path)), path);
      }
    });
  }

  test('that a page says at first are in a file of their own, and in no other', () => {
    for (const language of languages) {
      assert.deepEqual(Object.keys(ofFile(`${language}.json`)), Object.keys(ofFile('en.json')));
      assert.equal(Object.keys(ofFile(`${language}.panels.json`)).filter((name) => name in ofFile('en.json')).length, 0);
    }
    const asked = [...read('desktop.html').matchAll(/data-(?:text|label)="([^"]+)"/g)].map(([, name]) => name);
    for (const name of asked) assert.ok(name in ofFile('en.json'), name);
  });

  test('that the page asks for are there', () => {
    const asked = [...page.matchAll(/data-(?:text|label)="([^"]+)"/g)].map(([, path]) => path);
    assert.ok(asked.length > 20);
    for (const path of asked) assert.ok(english.has(path), path);
  });

  test('that the code asks for are there, and none is there for nothing', () => {
    const asked = new Set([
      ...[...code.matchAll(/\bTEXT\.(\w+(?:\.\w+)?)/g)].map(([, path]) => path),
      ...[...page.matchAll(/data-(?:text|label)="([^"]+)"/g)].map(([, path]) => path),
    ]);
    const groups = new Set([...asked].filter((path) => [...english.keys()].some((key) => key.startsWith(`${path}.`))));
    for (const path of asked) assert.ok(english.has(path) || groups.has(path), path);
    // Some names are made of others: those of rows, stages and keys.
    const rows = ['connect', 'reload', 'roundTrip', 'frames', 'data', 'exact', 'server', 'line', 'browser'];
    const isAsked = (path) => asked.has(path) || groups.has(path.split('.')[0]) || rows.includes(path);
    for (const path of english.keys()) assert.ok(isAsked(path), `nobody says ${path}`);
  });

  test('are not in the page', () => {
    const spoken = page.replace(/<noscript>.*<\/noscript>|<title>.*<\/title>|<!--.*?-->/gs, '')
      .replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim();
    assert.equal(spoken, '');
    assert.doesNotMatch(page, /\s(?:aria-label|title|placeholder|alt)="[^"]+"/);
  });

  test('are not in the code', () => {
    for (const name of modules) {
      const bare = read(`js/${name}`).replace(/\/\*.*?\*\//gs, '').replace(/\/\/ .*$/gm, '');
      assert.doesNotMatch(bare, /\.(?:textContent|title|placeholder|ariaLabel)\s*=\s*(['"`])(?!\1)/, name);
      assert.doesNotMatch(bare, /setAttribute\('(?:aria-label|title|placeholder)',\s*['"`]/, name);
    }
  });
});

describe('the language', () => {
  afterEach(() => mock.restoreAll());

  const spoken = async (...preferred) => {
    const asked = [];
    mock.method(globalThis, 'fetch', async (url) => {
      asked.push(url);
      return { ok: true, text: async () => read(url) };
    });
    const language = await load(preferred);
    assert.equal(asked.length, 1);
    return language;
  };

  test('is the first that is known, or English', async () => {
    assert.equal(await spoken('ja-JP', 'en'), 'ja');
    assert.equal(TEXT.reload, '再読み込み');
    assert.equal(await spoken('fr-CA', 'JA'), 'ja');
    assert.equal(await spoken('fr', 'en-GB', 'ja'), 'en');
    assert.equal(await spoken('zh'), 'en');
    assert.equal(await spoken(), 'en');
    assert.equal(TEXT.reload, 'Reload');
  });

  test('names elements, and buttons for the pointer too', async () => {
    mock.method(globalThis, 'fetch', async (url) => ({ ok: true, text: async () => read(url) }));
    await loadMore();
    const element = (dataset, isButton) => ({
      dataset, attributes: {}, matches: () => isButton, setAttribute(name, value) { this.attributes[name] = value; },
    });
    const text = element({ text: 'qualities.auto' }), button = element({ label: 'help' }, true);
    localize({ querySelectorAll: (selector) => (selector === '[data-text]' ? [text] : [button]) });
    assert.equal(text.textContent, 'Automatic');
    assert.deepEqual(button.attributes, { 'aria-label': 'Help', title: 'Help' });
  });

  test('has gaps', () => {
    assert.equal(fill('You and {count} more', { count: 3 }), 'You and 3 more');
  });
});
