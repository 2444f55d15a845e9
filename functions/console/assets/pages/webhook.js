/**
 * One webhook: its health, its settings, its events, and the recovery of missed ones.
 *
 * With `event` in the address it shows that event. A recovery's id stays in the address bar as `job`, so that a
 * reload of the page still shows its progress.
 */
import { ApiError } from '../kit/api.js';
import { status } from '../kit/badge.js';
import { copyButton } from '../kit/copy.js';
import { h, link, replace } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { filters } from '../kit/filters.js';
import { number } from '../kit/format.js';
import { live } from '../kit/live.js';
import { progress } from '../kit/progress.js';
import { address, setQuery } from '../kit/router.js';
import { table } from '../kit/table.js';
import { ago, time } from '../kit/time.js';
import { section } from './section.js';
import { actions } from './webhook-actions.js';
import { renderEvent, replayButton, statusBadge } from './webhook-event.js';
import { EVENT_TYPES, endpointOf, healthBadge, refusal } from './webhooks.js';

export const title = 'Webhook';

const REFRESH_SECONDS = 10;
const JOB_SECONDS = 3;
const PAGE_SIZE = 20;

/** The states of a delivery, in the order of its life. */
const STATUSES = ['pending', 'attempting', 'success', 'failed'];

/** @typedef {import('../kit/router.js').Context} Context */
/** @typedef {import('./webhooks.js').Webhook} Webhook */

/** @param {Context} context */
export async function render(context) {
  const { api, session, route, signal } = context;
  const refused = refusal(session);
  if (refused) return refused;
  const id = route.path[1];
  const event = route.query.get('event');
  if (event) return renderEvent(context, id, event);

  const path = `/webhooks/${encodeURIComponent(id)}`;
  let query = route.query;
  const head = h('div');
  const recovery = h('div');

  const keepJob = (/** @type {URLSearchParams} */ chosen, /** @type {string | null} */ job) => {
    query = new URLSearchParams(chosen);
    if (job) query.set('job', job);
    setQuery(query);
  };
  const follow = (/** @type {string} */ job) => followJob({ api, signal, element: recovery, path, id: job });
  const load = async () => showHead(await api.get(path, {}, { signal }));
  const changed = () => {
    void load().catch(() => {});
    void events.reload({ first: true }).catch(() => {});
  };
  const showHead = section(head, (/** @type {Webhook} */ webhook) => [
    h('h1', {}, endpointOf(webhook), ' ', healthBadge(webhook)),
    healthNotice(webhook),
    actions(context, webhook, {
      changed,
      recovering: (job) => {
        keepJob(query, job);
        follow(job);
      },
    }),
    h('div', { class: 'card' }, facts(webhook)),
  ]);

  await load();
  const job = query.get('job');
  if (job) follow(job);
  const events = eventTable(context, id, () => query);
  const form = filters(
    [
      { name: 'type', label: 'Type', kind: 'select', options: EVENT_TYPES },
      { name: 'status', label: 'Status', kind: 'select', options: STATUSES },
    ],
    query,
    (chosen) => {
      keepJob(chosen, query.get('job'));
      void events.reload({ first: true }).catch(() => {});
    },
  );
  let isFresh = true;
  live(signal, REFRESH_SECONDS, () => {
    const settings = isFresh ? null : load();
    isFresh = false;
    return Promise.all([settings, events.reload()]);
  });
  return h(
    'div',
    {},
    h('p', {}, link('All webhooks', '#/webhooks')),
    head,
    recovery,
    h('h2', {}, 'Events'),
    form,
    events.element,
  );
}

/**
 * @param {Context} context
 * @param {string} id
 * @param {() => URLSearchParams} queryNow
 */
function eventTable({ api, signal }, id, queryNow) {
  const path = `/webhooks/${encodeURIComponent(id)}`;
  return table({
    caption: 'Events of the webhook, newest first',
    columns: [
      { title: 'Type', cell: (/** @type {import('./webhook-event.js').Event} */ event) => event.type },
      { title: 'Status', cell: statusBadge },
      { title: 'Created', cell: ({ created_at }) => ago(created_at) },
      { title: 'Event', class: 'mono', cell: (event) => event.id, narrow: false },
      { title: 'Replay', cell: (event) => replayButton(api, id, event.id) },
    ],
    load: async (after) => {
      const filter = { type: queryNow().get('type'), status: queryNow().get('status') };
      const answer = await api.get(`${path}/events`, { limit: PAGE_SIZE, after, ...filter }, { signal });
      return { rows: answer.data, next: answer.next ?? null };
    },
    empty: empty({
      title: 'No events',
      text: 'Send a test event, or wait for the next event of an email. With a filter, clear it to see all events.',
    }),
    key: (event) => event.id,
    rowLink: (event) => address(['webhooks', id], { event: event.id }),
  });
}

/**
 * Says why events do not arrive, and what helps.
 * @param {Webhook} webhook
 */
function healthNotice(webhook) {
  const content = noticeOf(webhook);
  return content && h('div', { class: 'problem', role: 'status' }, content);
}

/** @param {Webhook} webhook */
function noticeOf({ status: state, state: health, disabled_by: reason, failing_since: since, disables_at: end }) {
  const recover = h('p', {}, 'Enabling sends no kept events. Recover them afterwards.');
  if (state === 'disabled' && reason === 'gone') {
    return [
      h('p', {}, 'The endpoint answered 410 Gone, so the webhook is disabled. Events are kept, and not sent.'),
      h('p', {}, 'Correct the endpoint, then enable the webhook.'),
      recover,
    ];
  }
  if (state === 'disabled' && reason === 'failures') {
    return [
      h('p', {}, 'Every attempt of five days failed, so the webhook is disabled. Events are kept, and not sent.'),
      h('p', {}, 'Repair the endpoint, then enable the webhook.'),
      recover,
    ];
  }
  if (state === 'disabled') return [h('p', {}, 'The webhook is disabled. Events are kept, and not sent.'), recover];
  if (health !== 'failing') return null;
  return [
    h('p', {}, 'Every attempt has failed', since ? [' since ', time(since)] : '', '.'),
    end && h('p', {}, 'A failure after ', time(end), ' disables the webhook.'),
    h('p', {}, 'Look at the attempts of an event below, repair the endpoint, then send a test event.'),
  ];
}

/** @param {Webhook} webhook */
function facts(webhook) {
  const {
    id,
    events,
    created_at: created,
    expires_at: expires,
    failing_since: since,
    signing_secret: secret,
  } = webhook;
  const row = (/** @type {string} */ name, /** @type {import('../kit/dom.js').Child[]} */ ...value) => [
    h('dt', {}, name),
    h('dd', {}, ...value),
  ];
  return h(
    'dl',
    { class: 'facts' },
    row(
      'Events',
      events.map((name) => [status(name, 'muted'), ' ']),
    ),
    since && webhook.state === 'ok' && row('First failure since the last success', time(since)),
    row('Created', time(created)),
    expires && row('Ends', time(expires)),
    row('Id', h('span', { class: 'mono' }, id), ' ', copyButton(id)),
    row(
      'Signing secret',
      secret
        ? h(
            'details',
            { data: { key: 'secret' } },
            h('summary', {}, 'Show'),
            h('code', { class: 'mono' }, secret),
            ' ',
            copyButton(secret, 'Copy the secret'),
          )
        : webhook.signing_secret_error,
    ),
  );
}

/**
 * Shows a recovery until it is done.
 * @param {{api: Context['api'], signal: AbortSignal, element: HTMLElement, path: string, id: string}} job
 */
function followJob({ api, signal, element, path, id }) {
  const ended = new AbortController();
  replace(element, progress({ done: false, label: 'The recovery has started.' }));
  live(AbortSignal.any([signal, ended.signal]), JOB_SECONDS, async () => {
    try {
      const job = await api.get(`${path}/jobs/${encodeURIComponent(id)}`, {}, { signal });
      if (job.done) ended.abort();
      replace(element, progress({ done: job.done, label: jobLabel(job) }));
    } catch (error) {
      if (!(error instanceof ApiError && error.isMissing)) throw error;
      ended.abort();
      replace(element, h('p', {}, 'The recovery is not known any more.'));
    }
  });
}

/** @param {{done: boolean, events: number, emails: number}} job */
function jobLabel({ done, events, emails }) {
  const so = `${number(events)} events to send again, ${number(emails)} emails examined`;
  return done ? `The recovery is done: ${so}.` : `Recovering: ${so} so far.`;
}
