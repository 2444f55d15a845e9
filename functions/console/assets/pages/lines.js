// Lists that a reader writes into a text field, and notices for keys that may not see a page.

import { link } from '../kit/dom.js';
import { empty } from '../kit/empty.js';

/**
 * Returns the entries of a text with one entry per line. Commas and semicolons separate too, because lists are often
 * pasted from a mail program or a spreadsheet.
 * @param {string} text
 * @returns {string[]} Each entry once, in its first place.
 */
export function entries(text) {
  return [
    ...new Set(
      text
        .split(/[\n,;]/)
        .map((entry) => entry.trim())
        .filter(Boolean),
    ),
  ];
}

/**
 * Shows why a page has nothing for the key of the session.
 * @param {string} title
 * @param {string} text
 */
export function notForThisKey(title, text) {
  return empty({ title, text, action: link('See what this key may do', '#/account') });
}
