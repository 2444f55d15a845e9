// A part of a page that live updates draw again only if its data changed. So nothing flickers, and an open dialog,
// a loaded frame and the focus stay.

import { replace } from '../kit/dom.js';

/**
 * @template T
 * @param {HTMLElement} element
 * @param {(data: T) => any} build  Returns the children.
 * @returns {(data: T) => void} Draws the data.
 */
export function section(element, build) {
  /** @type {string | undefined} */
  let drawn;
  return (data) => {
    const next = JSON.stringify(data);
    if (next === drawn) return;
    drawn = next;
    replace(element, build(data));
  };
}
