// Names that the API uses in its filters. A test compares them with openapi.json.

export const STATUSES = [
  'scheduled',
  'queued',
  'retry',
  'sending',
  'failing',
  'uncertain',
  'sent',
  'failed',
  'unknown',
  'canceled',
  'expired',
];

export const CAUSES = [
  'throttled',
  'quota_exceeded',
  'account_paused',
  'unreached',
  'unavailable',
  'rejected',
  'invalid_recipient',
  'unverified_sender',
  'suppressed',
  'too_large',
  'body_missing',
  'crashed',
  'budget_spent',
  'expired',
  'answer_lost',
  'purged',
];

/** Statuses in which an email waits: it can be canceled and rescheduled. */
export const WAITING = ['scheduled', 'queued', 'retry'];

/** Statuses in which an email has ended: it can be erased. */
export const ENDED = ['sent', 'failed', 'unknown', 'canceled', 'expired'];

/** Statuses in which an email has ended unsent: it can be retried. */
export const UNSENT = ['failed', 'canceled', 'expired'];

/**
 * Options of a select, with their names in words.
 * @param {readonly string[]} names
 * @param {string} [empty] Label of the empty choice, which comes first.
 * @returns {{value: string, label: string}[]}
 */
export function options(names, empty) {
  const first = empty === undefined ? [] : [{ value: '', label: empty }];
  return [...first, ...names.map((name) => ({ value: name, label: words(name) }))];
}

/**
 * Returns a name of the API in words.
 * @param {string} name
 */
export function words(name) {
  return name.replaceAll('_', ' ');
}

/**
 * Whether the key is limited to From domains. The API then refuses it every command on many emails.
 * @param {import('../kit/router.js').Context['session']} session
 */
export function isNarrowed(session) {
  return Boolean(session.account?.key?.from_domains?.length);
}
