// Emails: the list, newest first. The API filters and pages.
//
// A filtered request reads a bounded number of emails, so its page may be incomplete. The page then says how far the
// search looked, and continues on demand.

import { actionButton } from '../kit/action.js';
import { curl } from '../kit/api.js';
import { statusOf } from '../kit/badge.js';
import { h, replace, text } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { filters } from '../kit/filters.js';
import { number } from '../kit/format.js';
import { problem } from '../kit/problem.js';
import { address } from '../kit/router.js';
import { clearStatus } from '../kit/status.js';
import { table } from '../kit/table.js';
import { time } from '../kit/time.js';
import { CAUSES, isNarrowed, options, STATUSES, words } from './values.js';

/** @typedef {import('../kit/router.js').Context} Context */

export const title = 'Emails';

/** Emails of a page. */
const PAGE = 25;

/** Seconds between two updates. */
const EVERY = 15;

/** Emails that one filtered request reads at most. */
const READ = 1000;

/** Width in pixels from which the filters leave room for the list. */
const WIDE = 720;

/** Filters that need the content. The deployer's key may not use them. */
const BY_CONTENT = ['to', 'from', 'tag'];

/** @type {import('../kit/filters.js').Filter[]} */
const FILTERS = [
  { name: 'status', label: 'Status', kind: 'select', options: options(STATUSES) },
  { name: 'cause', label: 'Cause', kind: 'select', options: options(CAUSES) },
  { name: 'queue', label: 'Queue', kind: 'text' },
  { name: 'to', label: 'Recipient', kind: 'text' },
  { name: 'from', label: 'From address', kind: 'text' },
  { name: 'from_domain', label: 'From domain', kind: 'text' },
  { name: 'tag', label: 'Tag (name or name:value)', kind: 'text' },
  { name: 'key', label: 'API key (id)', kind: 'text' },
  { name: 'since', label: 'Accepted since', kind: 'datetime' },
  { name: 'until', label: 'Accepted before', kind: 'datetime' },
];

/** @typedef {Record<string, string>} Filter */
/** @typedef {{from: string | null, rows: any[], next: string | null, requests: number}} Page */

/**
 * The filters of the address bar that the API knows, without empty ones.
 *
 * @param {URLSearchParams} query
 * @param {{name: string}[]} known
 * @returns {Filter}
 */
function filterOf(query, known) {
  const given = known.map(({ name }) => [name, (query.get(name) ?? '').trim()]);
  return Object.fromEntries(given.filter(([, value]) => value !== ''));
}

/**
 * Loads pages, and continues an incomplete one.
 *
 * @param {Context['api']} api
 * @param {Filter} filter
 * @param {AbortSignal} signal
 */
function search(api, filter, signal) {
  /** @type {Page} */
  let page = { from: null, rows: [], next: null, requests: 0 };
  let continues = false;
  return {
    /** The next load continues the page instead of loading it again. */
    continue() {
      continues = true;
    },
    /**
     * @param {string | null} cursor
     * @returns {Promise<Page>}
     */
    async load(cursor) {
      const before = continues && page.from === cursor ? page : { from: cursor, rows: [], next: cursor, requests: 0 };
      continues = false;
      const query = { ...filter, limit: PAGE - before.rows.length, after: before.next ?? undefined };
      const answer = await api.get('/emails', query, { signal });
      page = {
        from: cursor,
        rows: [...before.rows, ...answer.data],
        next: answer.has_more ? answer.next : null,
        requests: before.requests + 1,
      };
      return page;
    },
  };
}

/** @param {any} email */
function recipientsOf(email) {
  const count = email.recipient_count;
  if (count !== undefined) return count === 1 ? '1 recipient' : `${number(count)} recipients`;
  const all = [...email.to, ...(email.cc ?? []), ...(email.bcc ?? [])];
  return all.length > 1 ? `${all[0]} and ${number(all.length - 1)} more` : text(all[0]);
}

/** @param {any} email */
function subjectOf(email) {
  if (email.subject) return email.subject;
  return email.to.length === 0 && email.from === '' ? 'Content deleted' : 'No subject';
}

/**
 * The columns. The first one is the link, so its words name the email.
 * @param {boolean} readsContent
 */
function columns(readsContent) {
  return [
    readsContent
      ? { title: 'Subject', cell: subjectOf }
      : { title: 'Email', class: 'mono', cell: (/** @type {any} */ email) => email.id },
    { title: 'Status', cell: (/** @type {any} */ email) => statusOf(email) },
    { title: 'Recipients', cell: recipientsOf },
    { title: 'Queue', cell: (/** @type {any} */ email) => email.queue },
    { title: 'Cause', cell: (/** @type {any} */ email) => text(email.cause && words(email.cause)) },
    { title: 'Accepted', cell: (/** @type {any} */ email) => time(email.created_at) },
  ];
}

/** @param {Context['api']} api */
function firstEmail(api) {
  const body = {
    from: 'Me <me@example.com>',
    to: ['delivered@resend.dev'],
    subject: 'Hello',
    text: 'The first email.',
  };
  return empty({
    title: 'No emails yet',
    text: 'Send the first one. Use a From domain that is verified. The recipient is a test address.',
    curl: curl(api.call('POST', '/emails', { body })),
  });
}

/**
 * Cancels the waiting emails of an API key or a From domain. It is offered only if the list shows the same emails.
 *
 * @param {Context} context
 * @param {Filter} filter
 * @param {() => void} reload
 */
function cancelAll({ api, session, signal }, filter, reload) {
  const isSame = Object.keys(filter).every((name) => ['key', 'from_domain', 'queue'].includes(name));
  if (!session.may('operate') || isNarrowed(session) || !isSame || !(filter.key || filter.from_domain)) return null;
  const report = h('p', { role: 'status' });
  /** @param {any} first */
  const rest = async (first) => {
    const total = { canceled: 0, left: 0, failed: 0 };
    for (let answer = first; ; ) {
      total.canceled += answer.canceled;
      total.left += answer.left;
      total.failed += answer.failed;
      replace(report, cancellation(total, answer.has_more));
      if (!answer.has_more || signal.aborted) break;
      answer = await api.run(api.call('POST', '/emails/cancel', { query: { ...filter, after: answer.next } }));
    }
    reload();
  };
  const button = actionButton({
    label: 'Cancel these waiting emails',
    call: () => api.call('POST', '/emails/cancel', { query: filter }),
    confirm: {
      title: 'Cancel all waiting emails of this filter?',
      text: 'Emails that are being sent are not stopped. A canceled email can be retried one by one.',
      typed: filter.from_domain ?? filter.key,
      label: 'Cancel the emails',
      danger: true,
    },
    success: 'The cancellation has begun.',
    done: (answer) => {
      rest(answer).catch((error) => replace(report, problem(error)));
    },
  });
  return h('div', {}, button, report);
}

/**
 * @param {{canceled: number, left: number, failed: number}} total
 * @param {boolean} continues
 */
function cancellation(total, continues) {
  const parts = [`Canceled ${number(total.canceled)} emails.`];
  if (total.left > 0) parts.push(`${number(total.left)} are being sent or may have been sent.`);
  if (total.failed > 0) parts.push(`${number(total.failed)} could not be canceled. Repeat the action.`);
  if (continues) parts.push('More follow…');
  return parts.join(' ');
}

/**
 * @param {Page} page
 * @param {boolean} filtered
 * @param {Context['api']} api
 */
function nothingFound(page, filtered, api) {
  if (!filtered) return firstEmail(api);
  if (page.next !== null) return empty({ title: 'No match so far', text: 'Older emails may match. Continue below.' });
  return empty({ title: 'No email matches', text: 'Remove a filter, or choose a longer period.' });
}

/**
 * @param {Context} context
 * @returns {Promise<HTMLElement>}
 */
export async function render(context) {
  const { api, session, route, live, signal } = context;
  const readsContent = session.may('read_content');
  const known = FILTERS.filter(({ name }) => readsContent || !BY_CONTENT.includes(name));
  const actions = h('div', { class: 'toolbar' });
  const list = h('div');
  const looked = h('div', { class: 'toolbar', role: 'status' });
  let updates = new AbortController();

  /**
   * Says how far an incomplete page looked. Its cursor is an email, and the time of that email tells it.
   * @param {Page} page
   * @param {() => void} more
   */
  async function showHowFar(page, more) {
    if (page.next === null || page.rows.length >= PAGE) return replace(looked);
    const place = await api.get(`/emails/${page.next}`, undefined, { signal }).catch(() => null);
    if (signal.aborted) return;
    replace(
      looked,
      h(
        'span',
        {},
        `Looked at up to ${number(page.requests * READ)} emails`,
        place && [', back to ', time(place.created_at)],
        '.',
      ),
      h('button', { class: 'button', type: 'button', data: { key: 'continue' }, on: { click: more } }, 'Continue'),
    );
  }

  /**
   * Lists the emails of a filter, from the newest one on.
   * @param {Filter} filter
   */
  function begin(filter) {
    const searching = search(api, filter, signal);
    const filtered = Object.keys(filter).length > 0;
    const nothing = h('div');
    const shown = table({
      caption: 'Emails, newest first',
      columns: columns(readsContent),
      key: (email) => email.id,
      rowLink: (email) => address(['emails', email.id]),
      empty: nothing,
      load: async (cursor) => {
        const page = await searching.load(cursor);
        replace(nothing, nothingFound(page, filtered, api));
        void showHowFar(page, more);
        return { rows: page.rows, next: page.rows.length < PAGE ? null : page.next };
      },
    });
    const reload = () => void shown.reload().catch((error) => replace(looked, problem(error, reload)));
    const more = () => {
      searching.continue();
      void shown.reload().catch((error) => replace(looked, problem(error, more)));
    };
    replace(looked);
    replace(list, shown.element);
    replace(
      actions,
      h('button', { class: 'button', type: 'button', data: { key: 'refresh' }, on: { click: reload } }, 'Refresh'),
      cancelAll(context, filter, reload),
    );
    updates.abort();
    updates = new AbortController();
    clearStatus();
    // A filtered request may read a thousand emails, so only the plain list updates by itself.
    if (!filtered) live(AbortSignal.any([signal, updates.signal]), EVERY, () => shown.reload());
  }

  const form = filters(known, route.query, (query) => begin(filterOf(query, known)));
  begin(filterOf(route.query, known));
  const isOpen = innerWidth >= WIDE || Object.keys(filterOf(route.query, known)).length > 0;
  const filtering = h('details', { open: isOpen }, h('summary', {}, 'Filters'), form);
  return h('section', {}, h('h1', {}, title), filtering, actions, list, looked);
}
