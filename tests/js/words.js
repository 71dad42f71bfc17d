/** What the page says, in English. To be imported before what says it. */

import { readFileSync } from 'node:fs';

import { TEXT } from '../../static/js/text.js';

for (const name of ['en', 'en.panels']) {
  Object.assign(TEXT, JSON.parse(readFileSync(new URL(`../../static/i18n/${name}.json`, import.meta.url), 'utf8')));
}
