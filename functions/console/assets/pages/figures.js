// The meaning of the figures that Now, Failures and Account show: limits of Amazon SES, periods, judgements.
//
// Invariant: no call of the API, and no element.

/** @typedef {'good' | 'warn' | 'bad' | 'muted'} Tone */
/** @typedef {{rate: number | null, tone: Tone, words: string}} Judgement */
/** @typedef {{warn: number, review: number, pause: number}} ReputationLimits */

const HOUR_MS = 3_600_000;

/** Lateness from which a waiting email, or a backlog, needs a look. The same as in `deploy/health.py`. */
export const WAITING_MAX_SECONDS = 900;

/** Lag of SES's events from which it needs a look. The same as in `deploy/health.py`. */
export const LAG_MAX_SECONDS = 600;

/** Part of a quota from which it is nearly used. The same as in `deploy/health.py`. */
export const QUOTA_NEARLY_USED = 0.8;

/**
 * Limits of AWS for the bounces of an account. `warn` is the threshold of our own alarm.
 * Source: BounceRateAlarm in docs/OPERATIONS.md.
 * @type {ReputationLimits}
 */
export const BOUNCE_LIMITS = { warn: 0.04, review: 0.05, pause: 0.1 };

/**
 * Limits of AWS for the complaints about an account. `warn` is the threshold of our own alarm.
 * Source: ComplaintRateAlarm in docs/OPERATIONS.md.
 * @type {ReputationLimits}
 */
export const COMPLAINT_LIMITS = { warn: 0.0008, review: 0.001, pause: 0.005 };

/**
 * The metrics that the two rates need. SES counts permanent bounces only.
 */
export const REPUTATION_METRICS = 'sent,delivered,bounced_permanent,complained';

/**
 * Judges a rate against the limits of AWS.
 * @param {number} part
 * @param {number} whole
 * @param {ReputationLimits} limits
 * @returns {Judgement}
 */
export function judge(part, whole, limits) {
  if (whole === 0) return { rate: null, tone: 'muted', words: 'No emails yet' };
  const rate = part / whole;
  if (rate >= limits.pause) return { rate, tone: 'bad', words: 'Bad: AWS may pause the account' };
  if (rate >= limits.review) return { rate, tone: 'bad', words: 'Bad: AWS reviews the account' };
  if (rate >= limits.warn) return { rate, tone: 'warn', words: 'Warning: close to a review' };
  return { rate, tone: 'good', words: 'Good' };
}

/**
 * @param {any} totals The totals of `REPUTATION_METRICS`.
 * @returns {{bounce: Judgement, complaint: Judgement}}
 */
export function reputation(totals) {
  return {
    bounce: judge(totals.bounced_permanent, totals.sent, BOUNCE_LIMITS),
    complaint: judge(totals.complained, totals.delivered, COMPLAINT_LIMITS),
  };
}

/**
 * The tone of a used quota.
 * @param {number} used
 * @param {number | null} limit Null without a limit.
 * @returns {Tone}
 */
export function quotaTone(used, limit) {
  if (limit === null || used < limit * QUOTA_NEARLY_USED) return 'good';
  return used >= limit ? 'bad' : 'warn';
}

/**
 * The start of the hour in which a time lies: the API counts by whole hours.
 * @param {number} at Milliseconds.
 */
export const hourOf = (at) => new Date(Math.floor(at / HOUR_MS) * HOUR_MS).toISOString();

/**
 * The time `hours` before `now`, as the API takes it.
 * @param {number} hours
 * @param {number} [now] Milliseconds.
 */
export const hoursAgo = (hours, now = Date.now()) => hourOf(now - hours * HOUR_MS);

/** The start of the month in UTC, in which the API counts. */
export const monthStart = (now = new Date()) =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth())).toISOString();

/**
 * Seconds since a time; 0 for none.
 * @param {string | null | undefined} time
 */
export const secondsSince = (time) => (time ? Math.max(0, (Date.now() - Date.parse(time)) / 1000) : 0);

/**
 * The price that makes up a cost, in words.
 * @param {any} cost The `cost` of `GET /emails/metrics`.
 * @param {(n: number) => string} number
 * @param {(n: number) => string} bytes
 */
export function priceWords(cost, number, bytes) {
  const files = cost.attachment_bytes
    ? `, and ${bytes(cost.attachment_bytes)} of attachments at $${cost.attachment_gigabyte_usd.toFixed(2)} per GB`
    : '';
  return `${number(cost.recipients)} recipients at $${cost.thousand_recipients_usd.toFixed(2)} per 1,000${files}.`;
}
