// The history of an email, oldest first. Shared with the local inbox.

import { status } from '../kit/badge.js';
import { h } from '../kit/dom.js';
import { time } from '../kit/time.js';

/** @type {Record<string, import('../kit/badge.js').Tone>} */
const TONES = {
  sent: 'good',
  delivered: 'good',
  opened: 'good',
  clicked: 'good',
  not_spam: 'good',
  attempt_failed: 'warn',
  attempt_uncertain: 'warn',
  delivery_delayed: 'warn',
  unknown: 'warn',
  suppressed: 'bad',
  bounced: 'bad',
  rejected: 'bad',
  complained: 'bad',
  auth_failure: 'bad',
  failed: 'bad',
  expired: 'bad',
};

/**
 * @typedef {{
 *   type: string,
 *   created_at: string,
 *   attempt?: number | null,
 *   recipient?: string | null,
 *   cause?: string | null,
 *   bounce_type?: string | null,
 *   diagnostic?: string | null,
 *   scheduled_at?: string | null,
 * }} TimelineEvent
 */

/**
 * Shows the events of an email.
 * @param {TimelineEvent[]} events
 * @returns {HTMLElement}
 */
export function timeline(events) {
  if (events.length === 0) return h('p', { class: 'muted' }, 'No events yet.');
  return h(
    'ol',
    { class: 'timeline' },
    events.map((event) =>
      h(
        'li',
        {},
        h(
          'div',
          { class: 'timeline-head' },
          status(event.type.replaceAll('_', ' '), Object.hasOwn(TONES, event.type) ? TONES[event.type] : 'muted'),
          event.attempt != null && h('span', { class: 'muted' }, `attempt ${event.attempt}`),
          time(event.created_at),
        ),
        event.recipient && h('div', {}, event.recipient),
        event.bounce_type && h('div', {}, `Bounce: ${event.bounce_type}`),
        event.cause && h('div', {}, `Cause: ${event.cause.replaceAll('_', ' ')}`),
        event.scheduled_at && h('div', {}, 'Scheduled for ', time(event.scheduled_at)),
        event.diagnostic && h('div', { class: 'mono quote' }, event.diagnostic),
      ),
    ),
  );
}
