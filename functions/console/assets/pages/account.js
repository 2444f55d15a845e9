// Account: everything that is not good, with its remedy, as far as the API knows it.
//
// `make doctor` is the model, and looks at more. A tenant's key sees its tenant; the deployer's key also sees the
// account at Amazon SES.

import { actionButton } from '../kit/action.js';
import { status } from '../kit/badge.js';
import { h, link, replace, text } from '../kit/dom.js';
import { bytes, dollars, number, percent } from '../kit/format.js';
import { ago, duration, time } from '../kit/time.js';
import { card, fact, orProblem } from './cards.js';
import { hoursAgo, monthStart, priceWords, quotaTone, REPUTATION_METRICS } from './figures.js';
import { findings, healthy } from './health.js';
import { section } from './section.js';

export const title = 'Account';

const SECONDS = 30;

/** The permissions in words. */
const PERMISSIONS = {
  full_access: 'Full access: every action of the tenant.',
  read_access: 'Read access: everything is shown, and nothing can be changed.',
  sending_access: 'Sending access: it sends emails, and reads nothing.',
  deployer: 'The deployer’s key: tenants, API keys and the account. It never reads content, and never sends.',
};

/** @typedef {import('../kit/router.js').Context} Context */

/** @param {Context} context */
export function render(context) {
  const { api, session, live, signal } = context;
  const place = h('div', {}, h('p', { class: 'muted' }, 'Loading the account…'));
  const show = cardsOf(place, context);

  const read = async () => {
    const get = (/** @type {string} */ path, query = {}) => api.get(path, query, { signal });
    const began = Date.now();
    const account = await get('/account');
    const skewSeconds = ((began + Date.now()) / 2 - Date.parse(account.generated_at)) / 1000;
    const [queues, usage, week, month] = await Promise.all([
      get('/queues'),
      session.isDeployer ? null : get('/usage'),
      get('/emails/metrics', { start_date: hoursAgo(7 * 24), metrics: REPUTATION_METRICS }),
      get('/emails/metrics', { start_date: monthStart(), metrics: 'sent' }),
    ]);
    show({ account, queues: queues.data, usage, totals: week.totals, skewSeconds }, month.cost);
  };
  const loop = live(
    signal,
    SECONDS,
    orProblem(place, signal, read, () => loop.refresh()),
  );
  return h(
    'div',
    {},
    place,
    h('p', { class: 'muted' }, audience(session)),
    h('p', { class: 'muted' }, withCode(BEYOND)),
  );
}

const NOTHING = 'Nothing is wrong, as far as the API knows.';

const BEYOND =
  '`make doctor` examines more: one email to the simulator of Amazon SES, DKIM, MAIL FROM and DMARC, the alarms,' +
  ' the table, the bucket, and the delivery of webhooks.';

/** @param {Context['session']} session */
const audience = ({ isDeployer, tenant }) =>
  isDeployer
    ? 'The deployer’s key shows the account at Amazon SES, the breaker, the feedback and the table. Queues, rates and' +
      ` cost are those of the tenant ${tenant}.`
    : 'A tenant’s key shows the tenant, its usage and the key. The account at Amazon SES, the breaker, the feedback' +
      ' and the throttles of the table are shown to the deployer’s key only.';

/**
 * @param {HTMLElement} place
 * @param {Context} context
 */
function cardsOf(place, context) {
  const { session } = context;
  const found = h('ul', { class: 'findings' });
  const good = h('ul');
  const limits = h('dl', { class: 'facts' });
  const key = h('dl', { class: 'facts' });
  const usage = h('dl', { class: 'facts' });
  const buttons = releaseButtons(context);
  const showFound = section(found, (/** @type {import('./health.js').Finding[]} */ all) =>
    all.length ? all.map((finding) => findingItem(finding, buttons)) : h('li', {}, NOTHING),
  );
  const showGood = section(good, (/** @type {string[]} */ lines) => lines.map((line) => h('li', {}, line)));
  const showLimits = section(limits, limitFacts);
  const showKey = section(key, keyFacts);
  const showUsage = section(usage, usageFacts);

  /**
   * @param {import('./health.js').Facts} facts
   * @param {any} cost
   */
  return (facts, cost) => {
    showFound(findings(facts));
    showGood(healthy(facts));
    showLimits(facts.account);
    showKey({ ...facts.account.key, minute: Math.floor(Date.now() / 60_000) });
    showUsage({ usage: facts.usage, cost });
    if (found.isConnected) return;
    replace(
      place,
      card('What to do', found),
      h(
        'div',
        { class: 'grid' },
        session.isDeployer && card('Limits of the account', limits),
        card('Usage and cost', usage),
        card('Your key', key),
      ),
      card('As it should be', good),
    );
  };
}

/**
 * @param {import('./health.js').Finding} finding
 * @param {HTMLElement[]} buttons The actions for emails that wait since a restore.
 */
function findingItem({ tone, problem, remedy, page, restored }, buttons) {
  return h(
    'li',
    {},
    h('p', {}, status(tone === 'bad' ? 'Problem' : 'Note', tone), ' ', problem),
    h('p', {}, withCode(remedy), page && [' ', link(page[0], page[1])]),
    restored && h('div', { class: 'toolbar' }, buttons),
  );
}

/** @param {string} words Commands are between backticks. */
const withCode = (words) => words.split('\u0060').map((part, index) => (index % 2 === 1 ? h('code', {}, part) : part));

/**
 * The actions for emails that wait since the table was restored. The API takes about 500 emails at a time.
 * @param {Context} context
 */
function releaseButtons({ api, session }) {
  const button = (
    /** @type {string} */ label,
    /** @type {string} */ path,
    /** @type {string} */ effect,
    /** @type {(answer: any) => string} */ words,
  ) => {
    /** @type {string | undefined} */
    let after;
    return actionButton({
      label,
      call: () => api.call('POST', path, { query: { restored: 'true', after } }),
      confirm: { title: label, text: `${effect} Each run takes about 500 emails.`, label, danger: true },
      done: (answer) => {
        after = answer.has_more ? answer.next : undefined;
        const more = answer.has_more ? ' More emails are left to check: do it again.' : ' All emails were checked.';
        return h('p', { role: 'status' }, words(answer), more);
      },
    });
  };
  const sends = 'The emails that wait since the restore are sent, flagged as possible duplicates.';
  const ends = 'The emails that wait since the restore end as unknown, and are not sent.';
  return [
    session.may('command') &&
      button('Release them', '/emails/release', sends, ({ emails }) => `Released: ${number(emails)} emails.`),
    session.may('operate') &&
      button('End them', '/emails/cancel', ends, ({ canceled }) => `Ended: ${number(canceled)} emails.`),
  ].filter((found) => found !== false);
}

/** @param {any} account */
function limitFacts({ ses, breaker, feedback, table_throttles_last_hour: throttles }) {
  return [
    ses && [
      fact('Rate', ses.rate_per_second === null ? '–' : `${number(ses.rate_per_second)} recipients per second`),
      fact('24-hour quota', useOf(ses.sent_last_24_hours, ses.daily_quota)),
      fact('Access', ses.sandbox ? status('Sandbox', 'warn') : status('Production', 'good')),
      fact('Sending', ses.sending_enabled ? status('Enabled', 'good') : status('Stopped', 'bad')),
    ],
    breaker && fact('Breaker', status(breaker.state, breaker.state === 'closed' ? 'good' : 'bad')),
    feedback && fact('Newest event', time(feedback.newest_event_at)),
    feedback && fact('Event lag', duration(feedback.lag_seconds)),
    fact('Throttles', `${number(throttles)} of the table in the last hour`),
  ];
}

/** @param {any} key */
function keyFacts({ id, name, permission, tenant, expires_at: end, from_domains: domains }) {
  return [
    fact('Permission', PERMISSIONS[/** @type {keyof typeof PERMISSIONS} */ (permission)] ?? text(permission)),
    name && fact('Name', name),
    id && fact('Id', h('span', { class: 'mono' }, id)),
    tenant && fact('Tenant', tenant),
    domains?.length && fact('From domains', domains.join(', ')),
    fact('Ends', end ? [time(end), ', ', ago(end)] : 'Never'),
  ];
}

/** @param {{usage: any, cost: any}} figures */
function usageFacts({ usage, cost }) {
  const { daily, monthly } = usage?.emails ?? {};
  const rate = usage?.rate_limit.limit;
  return [
    usage && [
      fact('Today (UTC)', useOf(daily.used, daily.limit)),
      fact('New day', ['at ', time(daily.resets_at)]),
      fact('This month', useOf(monthly.used, monthly.limit)),
      fact('Of these sent', `${number(monthly.sent)} recipients`),
      fact('Rate limit', rate === null ? 'None' : `${number(rate)} recipients in 10 seconds`),
    ],
    fact('Cost this month', [
      dollars(cost.cost_usd),
      h('span', { class: 'muted' }, ` ${priceWords(cost, number, bytes)} This is the price of Amazon SES alone.`),
    ]),
  ];
}

/**
 * @param {number} used
 * @param {number | null} limit
 */
function useOf(used, limit) {
  if (limit === null) return `${number(used)} recipients, without a limit`;
  const share = limit > 0 ? used / limit : 1;
  return [
    `${number(used)} of ${number(limit)} recipients `,
    status(`${percent(share, 1)} used`, quotaTone(used, limit)),
  ];
}
