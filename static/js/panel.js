/** Panel: the statistics, quietly in a corner. */

import { Statistics } from './statistics.js';
import { fill } from './sentences.js';
import { TEXT } from './text.js';

const REFRESH_MS = 500;
const UNKNOWN = '–';

/** @typedef {import('./statistics.js').Summary} Summary */
/** @typedef {keyof typeof TEXT.units} Row */

const FIGURES = /** @type {const} */ (['roundTrip', 'frames', 'data', 'exact']);
const PARTS = /** @type {const} */ (['server', 'line', 'browser']);

export class Panel {
  /** Where a row's number goes. @type {Map<Row, HTMLElement>} */
  #numbers = new Map();
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  #root;
  #bar;
  #slowest;

  /**
   * @param {import('./stage.js').Root} page
   * @param {() => void} onClose its button was pressed
   */
  constructor(page, onClose) {
    const find = (/** @type {string} */ id) => /** @type {HTMLElement} */ (page.getElementById(id));
    this.#root = find('statistics');
    this.#bar = find('shares');
    this.#slowest = find('slowest');
    find('statistics-close').addEventListener('click', onClose);
    for (const row of FIGURES) find('figures').append(this.#row(row));
    for (const row of PARTS) find('parts').append(this.#row(row));
  }

  /** Show it, or hide it. @returns {Statistics | null} what is to be told everything from now on */
  toggle() {
    clearInterval(this.#timer);
    this.#root.hidden = !this.#root.hidden;
    if (this.#root.hidden) return null;
    const statistics = new Statistics();
    this.#write(statistics.summarize());
    this.#timer = setInterval(() => this.#write(statistics.summarize()), REFRESH_MS);
    return statistics;
  }

  /** @param {Row} row */
  #row(row) {
    const [line, name, value, number, unit] = ['div', 'dt', 'dd', 'b', 'small'].map((tag) => document.createElement(tag));
    if (!line || !name || !value || !number || !unit) throw new Error('no elements');
    line.dataset.row = row;
    name.textContent = TEXT[row];
    unit.textContent = TEXT.units[row];
    value.append(number, ' ', unit);
    line.append(name, value);
    this.#numbers.set(row, number);
    return line;
  }

  /** @param {Summary} summary */
  #write({ roundTripMs, framesS, mbitS, exact, partsMs, slowest }) {
    this.#put('roundTrip', inFigures(roundTripMs));
    this.#put('frames', String(Math.round(framesS)));
    this.#put('data', inFigures(mbitS));
    this.#put('exact', inPercent(exact));
    for (const part of PARTS) this.#put(part, inFigures(partsMs && partsMs[part]));
    PARTS.forEach((part, index) => {
      const share = /** @type {HTMLElement | undefined} */ (this.#bar.children[index]);
      if (share) share.style.flexGrow = String(partsMs ? partsMs[part] : 0);
    });
    const stage = slowest && fill(TEXT.slowest, { stage: TEXT.stages[slowest.stage] });
    const words = stage ?? (roundTripMs === null ? '' : TEXT.atRest);
    if (this.#slowest.textContent !== words) this.#slowest.textContent = words;
  }

  /**
   * @param {Row} row
   * @param {string} text
   */
  #put(row, text) {
    const number = this.#numbers.get(row);
    if (number && number.textContent !== text) number.textContent = text;
  }
}

/**
 * A number in as many figures as mean something.
 * @param {number | null} value
 */
export function inFigures(value) {
  if (value === null) return UNKNOWN;
  if (value < 0.005) return '0';
  if (value < 0.995) return value.toFixed(2);
  return value < 9.95 ? value.toFixed(1) : value.toFixed(0);
}

/**
 * A share; only all of it is 100.
 * @param {number | null} share
 */
export function inPercent(share) {
  return share === null ? UNKNOWN : String(Math.floor(share * 100));
}
