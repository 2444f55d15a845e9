/**
 * One event of a webhook: its payload, and every attempt with the answer of the endpoint.
 */
import { actionButton } from '../kit/action.js';
import { status } from '../kit/badge.js';
import { copyButton } from '../kit/copy.js';
import { h, link } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { live } from '../kit/live.js';
import { table } from '../kit/table.js';
import { ago, time } from '../kit/time.js';
import { section } from './section.js';

const REFRESH_SECONDS = 5;

/** @typedef {import('../kit/router.js').Context} Context */

/**
 * @typedef {{id: string, type: string, status: string, created_at: string}} Event An event in a list.
 * @typedef {{id: string, http_status_code: number, response: string, sent_at: string}} Attempt
 */

/** @type {Record<string, import('../kit/badge.js').Tone>} */
const TONES = { success: 'good', failed: 'bad', attempting: 'warn' };

/** @param {Event} event */
export const statusBadge = ({ status: state }) => status(state, TONES[state] ?? 'muted');

/**
 * @param {Context['api']} api
 * @param {string} webhook
 * @param {string} event
 * @param {() => void} [done]
 */
export function replayButton(api, webhook, event, done) {
  return actionButton({
    label: 'Replay',
    call: () => api.call('POST', `${pathOf(webhook, event)}/replay`),
    confirm: {
      title: 'Send this event again',
      text: 'The receiver gets the event with the same id, also if it has the event already. The attempts begin anew.',
      label: 'Replay',
    },
    success: 'The event is on its way.',
    done,
  });
}

/**
 * @param {Context} context
 * @param {string} webhook
 * @param {string} event
 */
export async function renderEvent({ api, signal }, webhook, event) {
  const path = pathOf(webhook, event);
  const head = h('div');
  const showHead = section(head, (/** @type {any} */ shown) => [
    h('h1', {}, shown.type, ' ', statusBadge(shown)),
    h('div', { class: 'toolbar' }, replayButton(api, webhook, event, refresh)),
    h('div', { class: 'card' }, facts(shown)),
    h('div', { class: 'card' }, h('h2', {}, 'Payload'), payload(shown.payload)),
  ]);
  const load = async () => showHead(await api.get(path, {}, { signal }));
  function refresh() {
    void Promise.all([load(), attempts.reload()]).catch(() => {});
  }

  await load();
  const attempts = table({
    caption: 'Attempts, newest first',
    columns: [
      { title: 'Attempt', class: 'number', cell: (/** @type {Attempt} */ attempt) => attempt.id.split('_').pop() },
      { title: 'Answer', cell: answerBadge },
      { title: 'Time', cell: ({ sent_at }) => [time(sent_at), ' ', h('span', { class: 'muted' }, ago(sent_at))] },
      { title: 'First KB of the answer', cell: ({ response }) => (response ? h('pre', {}, response) : '–') },
    ],
    load: async (after) => {
      const answer = await api.get(`${path}/attempts`, { after }, { signal });
      return { rows: answer.data, next: answer.has_more ? (answer.data.at(-1)?.id ?? null) : null };
    },
    empty: empty({ title: 'No attempts yet', text: 'The first attempt follows within seconds.' }),
    key: (attempt) => attempt.id,
  });
  let isFresh = true;
  live(signal, REFRESH_SECONDS, () => {
    const shown = isFresh ? null : load();
    isFresh = false;
    return Promise.all([shown, attempts.reload()]);
  });
  return h(
    'div',
    {},
    h('p', {}, link('The webhook', `#/webhooks/${encodeURIComponent(webhook)}`)),
    head,
    h('h2', {}, 'Attempts'),
    attempts.element,
  );
}

/**
 * @param {string} webhook
 * @param {string} event
 */
function pathOf(webhook, event) {
  return `/webhooks/${encodeURIComponent(webhook)}/events/${encodeURIComponent(event)}`;
}

/** @param {Attempt} attempt */
function answerBadge({ http_status_code: code }) {
  if (code === 0) return status('no answer', 'bad');
  return status(String(code), code >= 200 && code < 300 ? 'good' : 'bad');
}

/** @param {any} event */
function facts({ id, created_at: created, next_attempt_at: next, payload: body }) {
  const email = body?.data?.email_id;
  return h(
    'dl',
    { class: 'facts' },
    h('dt', {}, 'Id'),
    h('dd', {}, h('span', { class: 'mono' }, id), ' ', copyButton(id)),
    h('dt', {}, 'Created'),
    h('dd', {}, time(created)),
    next && [h('dt', {}, 'Next attempt'), h('dd', {}, time(next))],
    typeof email === 'string' && [
      h('dt', {}, 'Email'),
      h('dd', {}, link(email, `#/emails/${encodeURIComponent(email)}`)),
    ],
  );
}

/** @param {unknown} body */
function payload(body) {
  if (!body) return h('p', { class: 'muted' }, 'The payload is gone: the email was erased, or its time ended.');
  const formatted = JSON.stringify(body, null, 2);
  return h('div', { class: 'code' }, h('pre', { tabindex: '0' }, formatted), copyButton(formatted));
}
