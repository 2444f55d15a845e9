// Now: the state of sending at this moment.
//
// Figures come every 10 seconds. The chart, and all that the API counts by the hour, comes every minute.
// A tenant's key shows the tenant; the deployer's key also shows the account at Amazon SES.

import { curl } from '../kit/api.js';
import { status } from '../kit/badge.js';
import { lineChart } from '../kit/chart.js';
import { h, link, replace, text } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { bytes, dollars, number, percent } from '../kit/format.js';
import { address } from '../kit/router.js';
import { table } from '../kit/table.js';
import { ago, time } from '../kit/time.js';
import { card, fact, orProblem } from './cards.js';
import {
  BOUNCE_LIMITS,
  COMPLAINT_LIMITS,
  hoursAgo,
  monthStart,
  priceWords,
  QUOTA_NEARLY_USED,
  quotaTone,
  REPUTATION_METRICS,
  reputation,
  secondsSince,
  WAITING_MAX_SECONDS,
} from './figures.js';
import { section } from './section.js';

export const title = 'Now';

const FIGURES_SECONDS = 10;
const HISTORY_SECONDS = 60;

/** The states of waiting emails, in the order of their life. */
const STATES = ['scheduled', 'queued', 'retry', 'sending', 'held'];

/** The lines of the chart, in the order of an email's life. */
const SERIES = /** @type {const} */ ([
  ['accepted', 'Accepted', 'accent'],
  ['sent', 'Sent', 'good'],
  ['failed', 'Failed', 'bad'],
  ['bounced', 'Bounced', 'warn'],
  ['complained', 'Complained', 'bad'],
]);

/** @typedef {import('../kit/router.js').Context} Context */

/** @param {Context} context */
export function render({ api, session, live, signal }) {
  const lesson = h('div');
  const figures = h('div', {}, h('p', { class: 'muted' }, 'Loading the figures…'));
  const history = h('div');
  const showFigures = figuresOf(figures, session.isDeployer);
  const showHistory = historyOf(history);
  let mayBeEmpty = true;
  let historyDue = 0;

  async function readFigures() {
    const [account, queues] = await Promise.all([
      api.get('/account', {}, { signal }),
      api.get('/queues', {}, { signal }),
    ]);
    await showFigures(account, queues.data);
    if (mayBeEmpty) await lookForEmails();
  }

  async function lookForEmails() {
    const { data } = await api.get('/emails', { limit: 1 }, { signal });
    mayBeEmpty = data.length === 0;
    if (mayBeEmpty === lesson.hasChildNodes()) return;
    if (mayBeEmpty) return replace(lesson, firstEmail());
    replace(lesson);
    historyDue = 0;
  }

  async function readHistory() {
    const metrics = (/** @type {string} */ start_date, /** @type {string} */ names, more = {}) =>
      api.get('/emails/metrics', { start_date, metrics: names, ...more }, { signal });
    const names = SERIES.map(([name]) => name).join(',');
    const [day, week, month] = await Promise.all([
      metrics(hoursAgo(23), names, { granularity: 'hourly', dimensions: 'period' }),
      metrics(hoursAgo(7 * 24), REPUTATION_METRICS),
      metrics(monthStart(), 'sent'),
    ]);
    showHistory(day, week, month);
    historyDue = Date.now() + HISTORY_SECONDS * 1000;
  }

  const again = () => loop.refresh();
  const parts = [
    orProblem(figures, signal, readFigures, again),
    orProblem(history, signal, () => (Date.now() < historyDue ? Promise.resolve() : readHistory()), again),
  ];
  // One loop, so that one line tells the state of both.
  const loop = live(signal, FIGURES_SECONDS, async () => {
    const done = await Promise.allSettled(parts.map((read) => read()));
    for (const part of done) if (part.status === 'rejected') throw part.reason;
  });
  return h('div', {}, lesson, figures, history, h('p', { class: 'muted' }, audience(session)));
}

/** Every key sees the same command: also the deployer's, which cannot send itself. */
function firstEmail() {
  const body = {
    from: 'you@example.com',
    to: 'delivered@resend.dev',
    subject: 'The first email',
    text: 'It works.',
  };
  return empty({
    title: 'Send the first email',
    text:
      `No email has been accepted yet. Set MAILQUEUE_URL to ${location.origin}, and MAILQUEUE_API_KEY to a key that` +
      ' may send. Replace the sender by an address that Amazon SES has verified, and run this command. This note goes' +
      ' away when the email arrives.',
    curl: curl({ method: 'POST', path: '/emails', body }),
  });
}

/**
 * Says whose figures these are.
 * @param {Context['session']} session
 */
function audience({ isDeployer, tenant, account }) {
  if (!isDeployer) {
    return (
      `All figures are those of the tenant ${account?.tenant}. The limits of Amazon SES, the breaker and the oldest` +
      ' due email belong to the whole account: only the deployer’s key shows them.'
    );
  }
  return (
    'The deployer’s key shows the limits of Amazon SES, the breaker and the oldest due email of the whole account.' +
    ` Queues, emails, rates and cost are those of the tenant ${tenant}.`
  );
}

/**
 * @param {HTMLElement} place
 * @param {boolean} isDeployer
 */
function figuresOf(place, isDeployer) {
  const sum = h('p');
  const late = h('dl', { class: 'facts' });
  const ses = h('dl', { class: 'facts' });
  const breaker = h('dl', { class: 'facts' });
  const showSum = section(sum, summary);
  const showLate = section(late, lateFacts);
  const showSes = section(ses, sesFacts);
  const showBreaker = section(breaker, breakerFacts);
  /** @type {any[]} */
  let queues = [];
  const waiting = queueTable(() => queues);

  /**
   * @param {any} account
   * @param {any[]} found
   */
  return async (account, found) => {
    queues = found;
    await waiting.reload();
    showSum(account);
    if (isDeployer) {
      showLate({ ...account, minute: Math.floor(Date.now() / 60_000) });
      showSes(account.ses);
      showBreaker(account.breaker);
    }
    if (sum.isConnected) return;
    replace(
      place,
      card('Waiting', sum, isDeployer && late, waiting.element),
      isDeployer && h('div', { class: 'grid' }, card('Amazon SES', ses), card('Breaker', breaker)),
    );
  };
}

/** @param {() => any[]} rows */
function queueTable(rows) {
  return table({
    caption: 'Waiting emails by queue and state',
    columns: [
      { title: 'Queue', cell: (queue) => link(queue.name, address(['queues', queue.name])) },
      ...STATES.map((state) => ({
        title: state[0].toUpperCase() + state.slice(1),
        class: 'number',
        cell: (/** @type {any} */ queue) => waitingCount(queue, state),
      })),
      { title: 'State', cell: queueState },
    ],
    load: async () => ({ rows: rows(), next: null }),
    empty: h('p', {}, 'There is no queue.'),
    key: (queue) => queue.name,
  });
}

/**
 * A number that leads to its emails. No email has the status `held`: the queue tells why its emails are held.
 * @param {any} queue
 * @param {string} state
 */
function waitingCount(queue, state) {
  const count = queue.counts[state];
  if (count === 0) return '0';
  const emails = address('emails', { queue: queue.name, status: state });
  const href = state === 'held' ? address(['queues', queue.name]) : emails;
  return h('a', { href, 'aria-label': `${number(count)} ${state} in ${queue.name}` }, number(count));
}

/** @param {any} queue */
function queueState(queue) {
  if (queue.suspended) return status('Tenant suspended', 'bad');
  if (!queue.paused) return status('Active', 'good');
  if (!queue.paused_until) return status('Paused', 'warn');
  return h('span', {}, status('Paused', 'warn'), ' until ', time(queue.paused_until));
}

/** @param {any} account */
function summary({ unfinished, tenant }) {
  const all = STATES.reduce((sum, state) => sum + unfinished[state], 0);
  const parts = STATES.filter((state) => unfinished[state]).map((state) => `${number(unfinished[state])} ${state}`);
  const whose = tenant ? `of the tenant ${tenant}` : 'of all tenants';
  return all === 0 ? `No email ${whose} waits.` : `Waiting emails ${whose}: ${number(all)} (${parts.join(', ')}).`;
}

/** @param {any} account `GET /account`, and the minute, so that the ages are told anew. */
function lateFacts(account) {
  const since = account.oldest_due_at;
  const isLate = secondsSince(since) > WAITING_MAX_SECONDS;
  const badge = isLate ? status('Late', 'warn') : status('Within 15 minutes', 'good');
  const backlogs = Object.entries(account.waiting_since ?? {}).filter(([, from]) => from !== null);
  return [
    fact('Oldest due', since ? [time(since), ', ', ago(since), ' ', badge] : 'No email is late.'),
    backlogs.map(([priority, from]) => fact(`Backlog, priority ${priority}`, ['since ', time(from), ', ', ago(from)])),
  ];
}

/** @param {any} ses */
function sesFacts(ses) {
  if (!ses) return fact('Limits', 'Amazon SES did not report them. Read the warning in the log group of reports.');
  const { sent_last_24_hours: used, daily_quota: quota, rate_per_second: rate } = ses;
  return [
    fact('Rate', rate === null ? 'Not reported' : `${number(rate)} recipients per second`),
    fact('24-hour quota', quotaUse(used, quota)),
    fact('Sending', ses.sending_enabled ? status('Enabled', 'good') : status('Stopped by Amazon SES', 'bad')),
    fact('Access', ses.sandbox ? status('Sandbox: verified addresses only', 'warn') : status('Production', 'good')),
  ];
}

/**
 * @param {number} used
 * @param {number | null} quota
 */
function quotaUse(used, quota) {
  if (quota === null) return `${number(used)} recipients, without a limit`;
  const label = `${number(used)} of ${number(quota)} recipients`;
  const share = quota > 0 ? used / quota : 1;
  const high = QUOTA_NEARLY_USED;
  const meter = h('meter', { max: 1, high, optimum: 0, value: Math.min(1, share), 'aria-label': 'Used quota' });
  return [meter, ` ${label} `, status(`${percent(share, 1)} used`, quotaTone(used, quota))];
}

/** @param {any} breaker */
function breakerFacts(breaker) {
  if (breaker.state === 'closed') return fact('State', [status('Closed', 'good'), ' Sending is not stopped.']);
  const isOpen = breaker.state === 'open';
  const words = isOpen ? ' Nothing is sent.' : ' The next email is sent as a probe.';
  return [
    fact('State', [status(isOpen ? 'Open' : 'Probing', 'bad'), words]),
    breaker.next_probe_at && fact('Until', [time(breaker.next_probe_at), ', then an email probes Amazon SES']),
    fact('Cause', text(breaker.cause).replaceAll('_', ' ')),
    fact('Advice', text(breaker.advice)),
  ];
}

/** @param {HTMLElement} place */
function historyOf(place) {
  const chart = h('div');
  const rates = h('dl', { class: 'facts' });
  const cost = h('div');
  // An unchanged chart stays, and so does the place that a reader has in its numbers.
  const showChart = section(chart, chartOf);
  const showRates = section(rates, rateFacts);
  const showCost = section(cost, costOf);

  /**
   * @param {any} day
   * @param {any} week
   * @param {any} month
   */
  return (day, week, month) => {
    showChart({ hours: day.data, failures: day.failures });
    showRates(week.totals);
    showCost(month.cost);
    if (chart.isConnected) return;
    replace(
      place,
      card('The last 24 hours', chart),
      h(
        'div',
        { class: 'grid' },
        card('Reputation', rates, h('p', { class: 'muted' }, REPUTATION_NOTE)),
        card('Cost of this month', cost),
      ),
    );
  };
}

const REPUTATION_NOTE =
  'The last 7 days of this tenant, as far as Amazon SES reported them. Only permanent bounces count.' +
  ' AWS judges the whole account, over a period of its own.';

/** @param {any} day */
function chartOf({ hours, failures }) {
  const chart = lineChart({
    title: 'Recipients by hour',
    x: hours.map((/** @type {any} */ hour) => Date.parse(hour.period) / 1000),
    series: SERIES.map(([name, label, tone]) => ({
      label,
      tone,
      values: hours.map((/** @type {any} */ hour) => hour[name]),
    })),
    height: 240,
  });
  const failed = failures.reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + each.count, 0);
  const why = failed > 0 && h('p', {}, link(`Failed emails: ${number(failed)}. See the causes`, '#/failures?period=1'));
  return [chart, why];
}

/** @param {any} totals */
function rateFacts(totals) {
  const { bounce, complaint } = reputation(totals);
  return [
    fact('Bounce rate', rateOf(bounce, BOUNCE_LIMITS)),
    fact('Complaint rate', rateOf(complaint, COMPLAINT_LIMITS)),
  ];
}

/**
 * @param {import('./figures.js').Judgement} judged
 * @param {import('./figures.js').ReputationLimits} limits
 */
const rateOf = ({ rate, tone, words }, limits) => [
  rate === null ? '' : `${percent(rate, 2)} `,
  status(words, tone),
  ` AWS reviews an account at ${limit(limits.review)}, and may pause it at ${limit(limits.pause)}.`,
];

const limit = (/** @type {number} */ share) => percent(share, share < 0.01 ? 1 : 0);

/** @param {any} cost */
const costOf = (cost) => [
  h('p', {}, dollars(cost.cost_usd)),
  h('p', { class: 'muted' }, `${priceWords(cost, number, bytes)} This is the price of Amazon SES alone.`),
];
