// Judges a deployment and a tenant by the answers of the API, as `make doctor` does.
//
// Invariant: pure. The texts follow deploy/health.py, and the remedies docs/OPERATIONS.md.

import { number, percent } from '../kit/format.js';
import { duration } from '../kit/time.js';
import { LAG_MAX_SECONDS, quotaTone, reputation, secondsSince, WAITING_MAX_SECONDS } from './figures.js';

/**
 * The answers, and the time at which they came.
 * @typedef {{
 *   account: any,
 *   queues: any[],
 *   usage: any | null,
 *   totals: any,
 *   skewSeconds: number,
 * }} Facts `usage` is null for the deployer's key; `skewSeconds` is the difference of the clocks.
 */

/**
 * `page` is the label and the address of the page that helps. `restored`: the emails wait since a restore.
 * @typedef {{
 *   tone: 'bad' | 'warn',
 *   problem: string,
 *   remedy: string,
 *   page?: [string, string],
 *   restored?: boolean,
 * }} Finding
 */

/** Largest difference of the clocks that is no problem. */
const SKEW_MAX_SECONDS = 5;

/** Life of a key from which its end is worth a word. The key of `make console` lives for 12 hours. */
const KEY_ENDS_SECONDS = 3600;

/**
 * Everything that is not good, problems before notes.
 * @param {Facts} facts
 * @returns {Finding[]}
 */
export function findings(facts) {
  const { account, queues, usage, totals, skewSeconds } = facts;
  const found = [
    ...(account.breaker ? ofAccount(account) : []),
    ...ofTenant(queues),
    ...ofReputation(totals),
    ...ofUsage(usage),
    ...ofKey(account.key),
    ...ofClock(skewSeconds),
  ];
  return found.sort((one, other) => Number(one.tone === 'warn') - Number(other.tone === 'warn'));
}

/** @param {any} account @returns {Generator<Finding>} */
function* ofAccount(account) {
  yield* ofSes(account.ses);
  const { breaker, feedback } = account;
  if (breaker.state !== 'closed') {
    yield {
      tone: 'bad',
      problem: `The breaker is ${breaker.state}: ${breaker.cause?.replaceAll('_', ' ') ?? 'the cause is not known'}.`,
      remedy: breaker.advice ?? 'mailqueue probes Amazon SES, and continues by itself.',
    };
  }
  if (secondsSince(account.oldest_due_at) > WAITING_MAX_SECONDS) {
    yield {
      tone: 'warn',
      problem: `An email has been due for ${duration(secondsSince(account.oldest_due_at))}.`,
      remedy: `Find the queue that fills. ${BACKLOG}`,
      page: ['Queues', '#/queues'],
    };
  }
  for (const [priority, since] of Object.entries(account.waiting_since ?? {})) {
    const waited = secondsSince(since);
    if (waited <= WAITING_MAX_SECONDS) continue;
    const problem = `The ${priority}-priority queue has had a backlog for ${duration(waited)}.`;
    yield { tone: 'warn', problem, remedy: BACKLOG };
  }
  if ((feedback?.lag_seconds ?? 0) > LAG_MAX_SECONDS) {
    yield {
      tone: 'warn',
      problem: `The newest event of Amazon SES lags by ${duration(feedback.lag_seconds)}.`,
      remedy:
        'A canceled email may cause this; the next delivered email then ends it. Otherwise read' +
        ' docs/OPERATIONS.md, FeedbackAgeAlarm: look at the log group and the throttles of feedback.',
    };
  }
  yield* ofTable(account.table_throttles_last_hour);
}

const BACKLOG =
  'Read docs/OPERATIONS.md, OldestDueAlarm: raise the rate of Amazon SES or the concurrency, or pause a queue that' +
  ' can wait.';

const AGAIN = 'Read the warning in the log group of reports, and look again in a minute.';

/** @param {any} ses @returns {Generator<Finding>} */
function* ofSes(ses) {
  if (!ses) {
    yield { tone: 'warn', problem: 'Amazon SES did not report the limits of the account.', remedy: AGAIN };
    return;
  }
  if (!ses.sending_enabled) {
    yield {
      tone: 'bad',
      problem: 'Amazon SES has stopped the sending of this account.',
      remedy:
        'Read the notice of AWS, and answer it. If you stopped it yourself, run' +
        ' `aws sesv2 put-account-sending-attributes --sending-enabled`.',
    };
  }
  if (ses.sandbox) {
    yield {
      tone: 'warn',
      problem: 'The account is in the sandbox: Amazon SES sends only to verified addresses.',
      remedy: 'Ask for production access in the console of Amazon SES.',
    };
  }
  const { daily_quota: quota, sent_last_24_hours: sent } = ses;
  const tone = quotaTone(sent, quota);
  if (tone === 'warn' || tone === 'bad') {
    yield {
      tone,
      problem: `${number(sent)} of ${number(quota)} recipients of the last 24 hours are used.`,
      remedy: 'Ask AWS for a higher quota: Service Quotas, Amazon SES, “Sending quota”.',
    };
  }
}

/** @param {number | null} throttles @returns {Generator<Finding>} */
function* ofTable(throttles) {
  if (throttles === null) {
    yield { tone: 'warn', problem: 'CloudWatch did not report the throttles of the table.', remedy: AGAIN };
  } else if (throttles > 0) {
    yield {
      tone: 'warn',
      problem: `DynamoDB throttled the table or an index ${number(throttles)} times in the last hour.`,
      remedy:
        'Spread the load over more minutes. Read docs/OPERATIONS.md, TableThrottlesAlarm. A table on demand doubles' +
        ' its capacity within half an hour.',
    };
  }
}

/** @param {any[]} queues @returns {Generator<Finding>} */
function* ofTenant(queues) {
  // The first queue tells what all queues of the tenant share.
  const { suspended, held_keys: keys, held_domains: domains, lost_domains_held: lost } = queues[0] ?? {};
  if (suspended) {
    const remedy = 'Ask the deployer, who ends a suspension on the page Tenants.';
    yield { tone: 'bad', problem: 'The tenant is suspended: none of its emails is sent.', remedy };
  }
  if (keys?.length) {
    yield {
      tone: 'warn',
      problem: `API keys whose emails are held: ${number(keys.length)}.`,
      remedy: 'Cancel these emails, or release them with POST /emails/release?key=<id>.',
      page: ['Keys', '#/keys'],
    };
  }
  if (domains?.length) {
    yield {
      tone: 'warn',
      problem: `Amazon SES has stopped sending for ${domains.join(', ')}: the emails from there wait.`,
      remedy: 'Restore the DNS records of the domain. The emails go within two minutes after that.',
      page: ['Domains', '#/domains'],
    };
  }
  if (lost) {
    yield {
      tone: 'warn',
      problem: 'Emails from removed From domains are held.',
      remedy: 'The deployer releases them with PATCH /tenants/<name>?release=true, or cancels them.',
    };
  }
  for (const queue of queues) {
    if (queue.paused && queue.counts.held > 0) yield paused(queue);
  }
  const restored = queues.filter(isRestored);
  if (restored.length) yield restoredEmails(restored);
}

/** @param {any} queue @returns {Finding} */
const paused = (queue) => ({
  tone: 'warn',
  problem: `The queue ${queue.name} is paused, and holds ${number(queue.counts.held)} emails.`,
  remedy: 'Resume it when its emails may go.',
  page: [`Queue ${queue.name}`, `#/queues/${queue.name}`],
});

/**
 * True if a queue holds emails for no shown reason: then they wait for a release after a restore of the table.
 * @param {any} queue
 */
const isRestored = (queue) =>
  queue.counts.held > 0 &&
  !(queue.paused || queue.suspended || queue.lost_domains_held) &&
  queue.held_keys.length + queue.held_domains.length === 0;

/** @param {any[]} queues @returns {Finding} */
function restoredEmails(queues) {
  const held = queues.reduce((sum, queue) => sum + queue.counts.held, 0);
  return {
    tone: 'warn',
    problem: `${number(held)} emails are held without a pause or a hold: ${queues.map(({ name }) => name).join(', ')}.`,
    remedy:
      'If a pause has just ended, wait a minute. After a restore of the table these emails wait for a person, because' +
      ' they may have been sent already. Release them, or end them: docs/OPERATIONS.md, “Restore the table”.',
    restored: true,
  };
}

/** @param {any} totals @returns {Generator<Finding>} */
function* ofReputation(totals) {
  const { bounce, complaint } = reputation(totals);
  if (bounce.tone === 'warn' || bounce.tone === 'bad') {
    yield {
      tone: bounce.tone,
      problem: `${percent(bounce.rate, 2)} of the recipients of the last 7 days bounced. AWS reviews an account at 5%.`,
      remedy: 'Pause the queue that causes the bounces, and clean its list of recipients before you resume it.',
      page: ['Queues', '#/queues'],
    };
  }
  if (complaint.tone === 'warn' || complaint.tone === 'bad') {
    yield {
      tone: complaint.tone,
      problem:
        `${percent(complaint.rate, 2)} of the recipients of the last 7 days reported spam.` +
        ' AWS reviews an account at 0.1%.',
      remedy: 'Pause the queue. Send only to people who asked for it, and offer an easy way to unsubscribe.',
      page: ['Queues', '#/queues'],
    };
  }
}

/** @param {any | null} usage @returns {Generator<Finding>} */
function* ofUsage(usage) {
  const day = usage?.emails.daily;
  const tone = day ? quotaTone(day.used, day.limit) : 'good';
  if (tone !== 'warn' && tone !== 'bad') return;
  yield {
    tone,
    problem: `The tenant has used ${number(day.used)} of the ${number(day.limit)} recipients of this day (UTC).`,
    remedy: 'Ask the deployer for a higher daily cap, or wait for the next day.',
  };
}

/** @param {any} key @returns {Generator<Finding>} */
function* ofKey(key) {
  if (!key?.expires_at) return;
  const left = (Date.parse(key.expires_at) - Date.now()) / 1000;
  if (left > KEY_ENDS_SECONDS) return;
  yield {
    tone: 'warn',
    problem: `The key of this session ends in ${duration(Math.max(0, left))}.`,
    remedy: 'Sign in with another key, or open the console again with `make console`.',
  };
}

/** @param {number} skew @returns {Generator<Finding>} */
function* ofClock(skew) {
  if (Math.abs(skew) <= SKEW_MAX_SECONDS) return;
  yield {
    tone: 'warn',
    problem: `The clock of this computer is ${duration(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} the API’s.`,
    remedy: 'Synchronise the clock: the console computes ages and periods with it.',
  };
}

/**
 * The facts that are as they should be.
 * @param {Facts} facts
 * @returns {string[]}
 */
export function healthy({ account, queues, totals, skewSeconds }) {
  const { ses, breaker, feedback } = account;
  const { bounce, complaint } = reputation(totals);
  /** @type {[boolean, string][]} */
  const lines = [
    [ses?.sandbox === false, 'Amazon SES sends to every address: the account has production access.'],
    [ses?.sending_enabled === true, 'Amazon SES has sending enabled.'],
    [ses && quotaTone(ses.sent_last_24_hours, ses.daily_quota) === 'good', 'The 24-hour quota has room.'],
    [breaker?.state === 'closed', 'No breaker stops the sending.'],
    [breaker && secondsSince(account.oldest_due_at) <= WAITING_MAX_SECONDS, 'No email is later than 15 minutes.'],
    [feedback && (feedback.lag_seconds ?? 0) <= LAG_MAX_SECONDS, 'The events of Amazon SES are recorded in time.'],
    [account.table_throttles_last_hour === 0, 'DynamoDB did not throttle in the last hour.'],
    [queues.every((queue) => queue.counts.held === 0), 'No email is held.'],
    [bounce.tone === 'good', `The bounce rate of the last 7 days is ${percent(bounce.rate, 2)}.`],
    [complaint.tone === 'good', `The complaint rate of the last 7 days is ${percent(complaint.rate, 2)}.`],
    [Math.abs(skewSeconds) <= SKEW_MAX_SECONDS, 'The clocks agree.'],
  ];
  return lines.filter(([isTrue]) => isTrue).map(([, words]) => words);
}
