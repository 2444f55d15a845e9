// Shows an error, and says what to do.

import { h, text } from './dom.js';

/**
 * Shows an error with its advice.
 * @param {unknown} error
 * @param {() => void} [retry]
 * @returns {HTMLElement}
 */
export function problem(error, retry) {
  const element = h(
    'div',
    { class: 'problem', role: 'alert' },
    h('p', { class: 'problem-message' }, error instanceof Error ? error.message : text(error)),
    h('p', {}, adviceOf(error)),
  );
  if (retry) {
    const again = () => {
      element.remove();
      retry();
    };
    element.append(h('button', { type: 'button', class: 'button', on: { click: again } }, 'Try again'));
  }
  return element;
}

/**
 * Returns the advice for an error, or an empty text if its message says enough.
 * @param {unknown} error
 * @returns {string}
 */
export function adviceOf(error) {
  if (!(error instanceof Error) || !('status' in error)) return 'Reload the page.';
  const { status } = error;
  const wait = 'retryAfter' in error && error.retryAfter ? `${error.retryAfter} seconds` : 'a minute';
  if (status === 429) return `Too many requests. Wait ${wait}, then try again.`;
  if (status === 503) return `The system is busy. Wait ${wait}, then try again.`;
  if (status === 404) return 'It may be deleted, or belong to another tenant. Check the address.';
  if (status === 409) return 'The state has changed in the meantime. Reload the page, and look at it again.';
  if (status === 401 || status === 403) return 'The API key may not do this. Sign in with another one.';
  if (Number(status) >= 500) return 'Try again. If it fails again, look into the logs of the function.';
  return '';
}
