// The recipients of an email with their delivery status. Shared with the local inbox.

import { status, toneOf } from '../kit/badge.js';
import { h } from '../kit/dom.js';

/**
 * Shows recipients, each with the last words of its server.
 * @param {{address: string, last_event?: string | null, kind?: string | null, diagnostic?: string | null}[]} list
 * @returns {HTMLElement}
 */
export function recipients(list) {
  if (list.length === 0) return h('p', { class: 'muted' }, 'The recipients are deleted.');
  return h(
    'ul',
    { class: 'recipients' },
    list.map((one) =>
      h(
        'li',
        {},
        h('span', { class: 'recipient-address' }, one.address),
        one.kind && h('span', { class: 'muted' }, one.kind),
        one.last_event && status(one.last_event.replaceAll('_', ' '), toneOf(one.last_event)),
        one.diagnostic && h('div', { class: 'mono quote' }, one.diagnostic),
      ),
    ),
  );
}
