// The quiet line at the end of the page: the time of the last update, or the reason for its delay.

import { h, replace } from './dom.js';
import { problem } from './problem.js';

/** @type {HTMLElement | undefined} */
let line;

/**
 * Returns the element of the line. It is no live region, because a screen reader would read it every few seconds.
 * @returns {HTMLElement}
 */
export function statusLine() {
  line ??= h('div', { class: 'status-line muted' });
  return line;
}

/** @param {string} message */
export function setStatus(message) {
  replace(statusLine(), message);
}

/** Empties the line, for a new page. */
export function clearStatus() {
  replace(statusLine());
}

/**
 * Shows a problem in place of the line, for a page that could not load at all.
 * @param {unknown} error
 * @param {() => void} retry
 */
export function showStatusProblem(error, retry) {
  replace(statusLine(), problem(error, retry));
}
