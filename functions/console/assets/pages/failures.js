// Failures: the causes of emails that ended unsent, by queue, and the retry of each group.
//
// A retry is a job. Its id stays in the address bar, so that a reload of the page still shows its progress.

import { actionButton } from '../kit/action.js';
import { ApiError } from '../kit/api.js';
import { status } from '../kit/badge.js';
import { h, link, replace } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { filters } from '../kit/filters.js';
import { number } from '../kit/format.js';
import { problem } from '../kit/problem.js';
import { progress } from '../kit/progress.js';
import { address, setQuery } from '../kit/router.js';
import { table } from '../kit/table.js';
import { ago, time } from '../kit/time.js';
import { hourOf, hoursAgo } from './figures.js';

export const title = 'Failures';

const JOB_SECONDS = 3;

/** Periods in days. The API allows 92; the clock of the reader may be a little wrong. */
const PERIODS = [
  { value: '1', label: 'last 24 hours' },
  { value: '7', label: 'last 7 days' },
  { value: '30', label: 'last 30 days' },
  { value: '90', label: 'last 90 days' },
];
const FIRST_PERIOD = '7';
const LONGEST_PERIOD = '90';

/** Causes of emails that end as `unknown`. The retry of a queue leaves them out, because they may have been sent. */
const MAY_HAVE_BEEN_SENT = ['answer_lost', 'crashed'];

const NOTE =
  'Failures count emails, by whole hours in UTC. A retried email stays counted in the hour in which it failed.' +
  ' A bounce is no failure here, because Amazon SES has accepted the email.';

/** @typedef {import('../kit/router.js').Context} Context */
/** @typedef {{since: string, until: string | undefined}} Period */

/** @param {Context} context */
export async function render(context) {
  const { api, session, route, signal } = context;
  let query = new URLSearchParams(route.query);
  if (!query.has('period') && !query.has('since')) query.set('period', FIRST_PERIOD);
  const jobs = h('div');
  const trouble = h('div');
  const shown = h('p', { class: 'muted', role: 'status' });

  const failures = table({
    caption: 'Failures by queue and cause, most frequent first',
    columns: columns(session.may('command') ? retry : null),
    load: async () => {
      const period = periodOf(query);
      const answer = await api.get('/failures', { ...period, queue: query.get('queue') }, { signal });
      replace(shown, periodWords(period));
      return { rows: answer.data, next: null };
    },
    empty: empty({
      title: 'No failures in this period',
      text: 'Every email of this period was sent, or still waits. A longer period may show older failures.',
    }),
    key: (failure) => `${failure.queue} ${failure.cause}`,
  });

  /** @param {any} failure */
  function retry(failure) {
    if (MAY_HAVE_BEEN_SENT.includes(failure.cause)) {
      return link('Decide for each email', address('emails', { status: 'unknown', queue: failure.queue }));
    }
    return retryButton(
      api,
      failure,
      () => periodOf(query),
      ({ id }) => {
        query.set('jobs', [query.get('jobs'), `${failure.queue}:${id}`].filter(Boolean).join(','));
        setQuery(query);
        jobs.append(jobElement(context, failure.queue, id));
      },
    );
  }

  async function queueNames() {
    try {
      const { data } = await api.get('/queues', {}, { signal });
      return data.map((/** @type {any} */ queue) => queue.name);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // The page works without the filter by queue.
      replace(trouble, problem(error));
      return [];
    }
  }

  const form = filters(
    [
      { name: 'period', label: 'Period', kind: 'select', options: PERIODS },
      { name: 'since', label: 'From (instead of the period)', kind: 'datetime' },
      { name: 'until', label: 'Until', kind: 'datetime' },
      { name: 'queue', label: 'Queue', kind: 'select', options: await queueNames() },
    ],
    query,
    (chosen) => {
      // The form does not know jobs that started after it was created.
      const started = query.get('jobs');
      if (started) chosen.set('jobs', started);
      query = chosen;
      setQuery(query);
      failures.reload({ first: true }).catch(() => {});
    },
  );

  jobs.append(...jobsOf(query.get('jobs')).map(([queue, id]) => jobElement(context, queue, id)));
  return h('div', {}, form, trouble, jobs, shown, failures.element, h('p', { class: 'muted' }, NOTE));
}

/**
 * Returns the times of a filter, as the API takes them.
 * @param {URLSearchParams} query
 * @returns {Period}
 */
function periodOf(query) {
  const chosen = query.get('period') ?? '';
  const days = PERIODS.some(({ value }) => value === chosen) ? chosen : LONGEST_PERIOD;
  const since = Date.parse(query.get('since') ?? '');
  const until = Date.parse(query.get('until') ?? '');
  return {
    // The API counts by whole hours. A retry from the start of the hour on reaches the same emails.
    since: Number.isNaN(since) ? hoursAgo(24 * Number(days)) : hourOf(since),
    until: Number.isNaN(until) ? undefined : new Date(until).toISOString(),
  };
}

/** @param {Period} period */
const periodWords = ({ since, until }) => ['From ', time(since), ' until ', until ? time(until) : 'now', '.'];

/**
 * Reads the jobs in the address bar: `queue:id,queue:id`.
 * @param {string | null} text
 * @returns {string[][]}
 */
function jobsOf(text) {
  const jobs = (text ?? '').split(',').map((job) => job.split(':'));
  return jobs.filter(([queue, id]) => /^[a-z0-9-]{1,64}$/.test(queue) && /^[0-9a-f-]{36}$/.test(id ?? ''));
}

/** @param {((failure: any) => HTMLElement) | null} retry Null for a key that may not retry. */
function columns(retry) {
  const shown = [
    { title: 'Cause', cell: (/** @type {any} */ { cause }) => status(words(cause), 'bad') },
    { title: 'Queue', cell: (/** @type {any} */ { queue }) => link(queue, address(['queues', queue])) },
    { title: 'Count', class: 'number', cell: count },
    { title: 'Advice', cell: (/** @type {any} */ { advice }) => advice },
    { title: 'Example', cell: example },
  ];
  return retry ? [...shown, { title: 'Retry', cell: retry }] : shown;
}

/** @param {any} failure */
function count({ cause, queue, count }) {
  const label = `${number(count)} emails with the cause ${words(cause)} in ${queue}`;
  return h('a', { href: address('emails', { queue, cause }), 'aria-label': label }, number(count));
}

/** @param {any} failure */
function example({ cause, latest_email_id: id, latest_at: at }) {
  if (id === null) return '–';
  const label = `Latest email with the cause ${words(cause)}`;
  const email = h('a', { href: address(['emails', id]), 'aria-label': label }, 'Latest email');
  return at === null ? email : h('span', {}, email, ' ', time(at), h('span', { class: 'muted' }, ' ', ago(at)));
}

const words = (/** @type {string} */ name) => name.replaceAll('_', ' ');

/**
 * The table keeps the button while its row looks the same, so everything that changes is read at the click.
 * @param {Context['api']} api
 * @param {any} failure
 * @param {() => Period} period
 * @param {(answer: any) => void} done
 */
function retryButton(api, { queue, cause, advice, retry }, period, done) {
  return actionButton({
    label: 'Retry these',
    call: () => api.call(retry.method, retry.path, { body: { ...retry.body, since: period().since } }),
    get confirm() {
      const end = period().until ? ' A retry has no end: it also takes those that failed after the shown period.' : '';
      return {
        title: `Retry emails of ${queue}: ${words(cause)}`,
        text: `${advice} After the retry, each email that failed with this cause has new attempts.${end}`,
        label: 'Retry',
      };
    },
    success: `The retry of ${queue} has started.`,
    done,
  });
}

/**
 * Creates the progress of a job, and follows the job until it is done.
 * @param {Context} context
 * @param {string} queue
 * @param {string} id
 */
function jobElement({ api, live, signal }, queue, id) {
  const element = h('div', { class: 'card' }, progress({ done: false, label: `Retry of ${queue}` }));
  const ended = new AbortController();
  const loop = live(AbortSignal.any([signal, ended.signal]), JOB_SECONDS, async () => {
    try {
      const job = await api.get(`/queues/${queue}/jobs/${id}`, {}, { signal });
      replace(element, jobProgress(job, queue));
      if (job.done) ended.abort();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      error.shown = true;
      if (error.isMissing) ended.abort();
      const again = error.isMissing ? undefined : () => loop.refresh();
      replace(element, h('p', {}, `Retry of ${queue}`), problem(error, again));
      throw error;
    }
  });
  return element;
}

/**
 * @param {any} job
 * @param {string} queue
 */
function jobProgress({ done, emails }, queue) {
  const moved = `Retry of ${queue}: ${number(emails)} emails wait to be sent again`;
  const label = done && emails === 0 ? `Retry of ${queue}: no email of this cause is left to retry` : moved;
  const waiting = link('See the emails of the queue', address('emails', { queue }));
  return [progress({ done, label }), done && emails > 0 && waiting];
}
