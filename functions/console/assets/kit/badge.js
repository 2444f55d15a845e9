// A state as a word on a colour. The word alone tells it.

import { h } from './dom.js';

/** @typedef {'good' | 'bad' | 'warn' | 'muted'} Tone */

/** @type {Record<string, Tone>} */
const TONES = {
  sent: 'good',
  delivered: 'good',
  opened: 'good',
  clicked: 'good',
  scheduled: 'muted',
  queued: 'muted',
  sending: 'muted',
  canceled: 'muted',
  retry: 'warn',
  uncertain: 'warn',
  delivery_delayed: 'warn',
  unknown: 'warn',
  expired: 'bad',
  failing: 'bad',
  failed: 'bad',
  bounced: 'bad',
  complained: 'bad',
  suppressed: 'bad',
};

/**
 * Creates a badge.
 * @param {string} text
 * @param {Tone} [tone]
 * @returns {HTMLElement}
 */
export function status(text, tone = 'muted') {
  return h('span', { class: `badge badge-${tone}` }, text);
}

/**
 * Returns the tone of a status of an email or a recipient.
 * @param {string} name
 * @returns {Tone}
 */
export function toneOf(name) {
  return Object.hasOwn(TONES, name) ? TONES[name] : 'muted';
}

/**
 * Creates the badges of an email: its status, and whether it may have been sent twice.
 * @param {{status: string, last_event?: string | null, maybe_duplicate?: boolean | null}} email
 * @returns {HTMLElement}
 */
export function statusOf({ status: name, last_event: event, maybe_duplicate: maybeDuplicate }) {
  // SES's later facts say more than "sent".
  const shown = name === 'sent' && event ? event : name;
  return h(
    'span',
    { class: 'badges' },
    status(shown.replaceAll('_', ' '), toneOf(shown)),
    maybeDuplicate && [' ', status('possible duplicate', 'warn')],
  );
}
