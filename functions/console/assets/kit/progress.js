// The progress of a job.

import { h } from './dom.js';

/**
 * Creates a progress bar. Without `share` it shows that the end is not known.
 * @param {{done: boolean, label: string, share?: number | null}} options
 * @returns {HTMLElement}
 */
export function progress({ done, label, share = null }) {
  const value = done ? 1 : share;
  return h(
    'div',
    { class: 'progress', role: 'status' },
    h('progress', { max: '1', value: value ?? null, 'aria-label': label }),
    h('span', {}, `${label}${done ? ' (done)' : ''}`),
  );
}
