// Short messages at the edge of the page.

import { h } from './dom.js';

/** Time on screen of a message, and of one that offers an action. */
const SHOWN_MS = 6_000;
const SHOWN_WITH_ACTION_MS = 20_000;

/** @type {HTMLElement | undefined} */
let region;

/**
 * Shows a message. A bad one stays until the reader closes it.
 * @param {string} message
 * @param {{kind?: 'good' | 'bad', action?: {label: string, run: () => unknown} | null}} [options]
 */
export function toast(message, { kind = 'good', action = null } = {}) {
  region ??= h('div', { class: 'toasts' });
  document.body.append(region);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const remove = () => {
    clearTimeout(timer);
    element.remove();
  };
  const act = () => {
    remove();
    void action?.run();
  };
  const element = h(
    'div',
    { class: `toast toast-${kind}`, role: kind === 'bad' ? 'alert' : 'status' },
    h('span', {}, message),
    action && h('button', { type: 'button', class: 'button', on: { click: act } }, action.label),
    h(
      'button',
      { type: 'button', class: 'button button-quiet', 'aria-label': 'Close message', on: { click: remove } },
      '×',
    ),
  );
  const start = () => {
    if (kind === 'good') timer = setTimeout(remove, action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
  };
  const stop = () => clearTimeout(timer);
  element.addEventListener('mouseenter', stop);
  element.addEventListener('focusin', stop);
  element.addEventListener('mouseleave', start);
  element.addEventListener('focusout', start);
  region.append(element);
  start();
}
