// The headers of an email. Shared with the local inbox.

import { h } from '../kit/dom.js';

/**
 * Shows headers in their order.
 * @param {{name: string, value: string}[]} list
 * @returns {HTMLElement}
 */
export function headers(list) {
  if (list.length === 0) return h('p', { class: 'muted' }, 'No headers.');
  return h(
    'dl',
    { class: 'facts facts-mono' },
    list.map(({ name, value }) => [h('dt', {}, name), h('dd', {}, value)]),
  );
}
