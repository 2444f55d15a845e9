// The cards of figures on Now and Account.

import { ApiError } from '../kit/api.js';
import { h, replace } from '../kit/dom.js';
import { problem } from '../kit/problem.js';

/** @typedef {import('../kit/dom.js').Child} Child */

/**
 * Creates a card with a heading.
 * @param {string} heading
 * @param {...Child} children
 */
export const card = (heading, ...children) => h('section', { class: 'card' }, h('h2', {}, heading), ...children);

/**
 * Returns a line of a `dl`.
 * @param {string} name
 * @param {Child} value
 */
export const fact = (name, value) => [h('dt', {}, name), h('dd', {}, value)];

/**
 * Returns a read whose error takes the place of figures that were never there. Figures that are shown stay.
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} read
 * @param {() => void} again Called by "Try again".
 */
export function orProblem(place, signal, read, again) {
  let hasShown = false;
  return async () => {
    try {
      await read();
      hasShown = true;
    } catch (error) {
      if (!hasShown && !signal.aborted) {
        const shown = problem(error, again);
        replace(place, shown);
        if (error instanceof ApiError) error.shown = true;
      }
      throw error;
    }
  };
}
