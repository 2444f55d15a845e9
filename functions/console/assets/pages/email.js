// Email: one email with its status, history, recipients, content and actions. It updates while the email is unfinished.

import { ApiError } from '../kit/api.js';
import { status, statusOf } from '../kit/badge.js';
import { copyButton } from '../kit/copy.js';
import { h, link, replace } from '../kit/dom.js';
import { number } from '../kit/format.js';
import { problem } from '../kit/problem.js';
import { address, go } from '../kit/router.js';
import { time } from '../kit/time.js';
import { headers } from '../parts/headers.js';
import { recipients } from '../parts/recipients.js';
import { timeline } from '../parts/timeline.js';
import { actions } from './email-actions.js';
import { content } from './email-content.js';
import { section } from './section.js';
import { ENDED, WAITING, words } from './values.js';

/** @typedef {import('../kit/router.js').Context} Context */

export const title = 'Email';

/** Seconds between two updates. */
const EVERY = 5;

/** Milliseconds after the sending in which the first delivery event is expected. */
const EVENT_SOON = 10 * 60 * 1000;

/** Pages on which the reader removes a cause. */
const REMEDIES = /** @type {Record<string, [string, string]>} */ ({
  suppressed: ['Open the suppressions', '#/suppressions'],
  unverified_sender: ['Open the domains', '#/domains'],
  account_paused: ['Open the account', '#/account'],
  quota_exceeded: ['Open the account', '#/account'],
});

/**
 * Whether no further change is expected soon.
 *
 * @param {any} email
 * @param {number} now
 */
function isSettled(email, now) {
  if (!ENDED.includes(email.status)) return false;
  return email.last_event !== 'sent' || now - Date.parse(email.sent_at) > EVENT_SOON;
}

/**
 * Reasons outside the email for which it waits.
 *
 * @param {any} email
 * @param {any} queue
 * @returns {any[]}
 */
function reasons(email, queue) {
  if (!queue) return [];
  const found = [];
  if (queue.paused) {
    const until = queue.paused_until ? [' until ', time(queue.paused_until)] : '';
    const why = queue.pause_reason ? `: ${queue.pause_reason}` : '';
    found.push(['Its queue is paused', until, why, '.']);
  }
  if (queue.suspended) found.push('The tenant is suspended.');
  if (queue.held_keys.length > 0) found.push('The emails of some API keys are held. This email may be one of them.');
  const domain = /@([^@>]+)>?$/.exec(email.from ?? '')?.[1]?.toLowerCase() ?? '';
  const isHeld = (/** @type {string} */ held) => domain === held || domain.endsWith(`.${held}`);
  if (queue.held_domains.some(isHeld)) found.push('Amazon SES stopped sending for its From domain.');
  if (queue.lost_domains_held) found.push('Emails from removed From domains are held.');
  return found;
}

/** @param {{email: any, queue: any}} data */
function front({ email, queue }) {
  const waits = reasons(email, queue);
  const remedy = email.cause === 'purged' ? ['Open the queue', queueHash(email)] : REMEDIES[email.cause];
  const uncertain =
    email.on_uncertain === 'hold' ? 'it ends as unknown' : 'it is sent again, with the mark "possible duplicate"';
  return [
    h('p', {}, statusOf(email), ' ', email.duplicate && status('Amazon SES accepted it twice', 'bad')),
    email.cause && h('p', {}, h('strong', {}, 'Cause: '), words(email.cause)),
    email.detail && h('p', { class: 'mono' }, email.detail),
    email.advice && h('p', {}, h('strong', {}, 'Advice: '), email.advice),
    remedy && h('p', {}, link(remedy[0], remedy[1])),
    email.status === 'uncertain' &&
      h('p', {}, `mailqueue waits for an event of Amazon SES as evidence. Without one, ${uncertain}.`),
    email.next_attempt_at && h('p', {}, 'Next attempt: ', time(email.next_attempt_at), '.'),
    waits.length > 0 &&
      h(
        'ul',
        {},
        waits.map((reason) => h('li', {}, reason)),
      ),
    waits.length > 0 && h('p', {}, link('Open the queue', queueHash(email))),
  ];
}

/** @param {any} email */
function queueHash(email) {
  return address(['queues', email.queue]);
}

/**
 * @param {[string, any][]} rows  Rows without a value are left out.
 */
function facts(rows) {
  const given = rows.filter(([, value]) => value !== null && value !== undefined && value !== '');
  return h(
    'dl',
    { class: 'facts' },
    given.map(([term, value]) => [h('dt', {}, term), h('dd', {}, value)]),
  );
}

/** @param {string | null} id */
function copyable(id) {
  return id ? [h('span', { class: 'mono' }, id), ' ', copyButton(id)] : null;
}

/** @param {string | null} at */
function when(at) {
  return at ? time(at) : null;
}

/** @param {any} email */
function details(email) {
  return [
    h('h2', {}, 'Details'),
    facts([
      ['Attempts', number(email.attempts)],
      ['Queue', link(email.queue, queueHash(email))],
      ['Accepted', when(email.created_at)],
      ['Scheduled for', when(email.scheduled_at)],
      ['Sent', when(email.sent_at)],
      ['Delivered', when(email.delivered_at)],
      ['Do not send after', ENDED.includes(email.status) ? null : when(email.expires_at)],
      ['If an answer is lost', email.on_uncertain === 'hold' ? 'hold' : 'resend'],
      ['Recipients', email.recipient_count === undefined ? null : number(email.recipient_count)],
      ['Tags', email.tags?.length ? email.tags.map(tag) : null],
      ['Email id', copyable(email.id)],
      ['Amazon SES id', copyable(email.ses_message_id)],
    ]),
    email.warnings?.map((/** @type {any} */ warning) =>
      h('p', { class: 'muted' }, h('span', { class: 'mono' }, warning.path), ': ', warning.message),
    ),
  ];
}

/** @param {{name: string, value: string}} tag */
function tag({ name, value }) {
  const pair = `${name}:${value}`;
  return [link(pair, address(['emails'], { tag: pair })), ' '];
}

/** @param {any} email */
function headersOf(email) {
  const rows = [
    ['From', [email.from]],
    ['To', email.to],
    ['Cc', email.cc ?? []],
    ['Bcc', email.bcc ?? []],
    ['Reply-To', email.reply_to ?? []],
    ['Subject', [email.subject]],
    ['Message-ID', email.message_id ? [email.message_id] : []],
  ];
  const given = rows.filter(([, values]) => values.length > 0 && values[0] !== '');
  return [...given.map(([name, values]) => ({ name, value: values.join(', ') })), ...(email.headers ?? [])];
}

/**
 * Each recipient with its field and the latest words of its server.
 *
 * @param {any} email Its recipients are those of `to`, then `cc`, then `bcc`.
 * @param {any[]} events Oldest first.
 */
function withWords(email, events) {
  const kinds = ['to', 'cc', 'bcc'].flatMap((name) => (email[name] ?? []).map(() => name));
  return email.recipients.map((/** @type {any} */ recipient, /** @type {number} */ place) => {
    const own = events.filter((event) => event.recipient === recipient.address && event.diagnostic);
    return { ...recipient, kind: kinds[place], diagnostic: own.at(-1)?.diagnostic };
  });
}

/**
 * @param {Context} context
 * @returns {Promise<HTMLElement>}
 */
export async function render(context) {
  const { api, route, live, signal } = context;
  const id = encodeURIComponent(route.path[1]);
  const trouble = h('div');
  const heading = h('h1', {}, title);
  const loading = h('p', { class: 'muted' }, 'Loading…');
  const bar = h('div', { class: 'toolbar' });
  /** @param {string} name */
  const card = (name) => h('section', { class: 'card', hidden: true, 'aria-label': name });
  const [frontCard, detailCard, eventCard, peopleCard, headerCard] = [
    card('Status'),
    card('Details'),
    card('Timeline'),
    card('Recipients'),
    card('Headers'),
  ];
  const body = h('div');
  let isDrawn = false;

  const drawFront = section(frontCard, front);
  const drawDetails = section(detailCard, details);
  const drawEvents = section(eventCard, (/** @type {any[]} */ events) => [h('h2', {}, 'Timeline'), timeline(events)]);
  const drawPeople = section(peopleCard, (/** @type {any[]} */ list) => [h('h2', {}, 'Recipients'), recipients(list)]);
  const drawHeaders = section(headerCard, (/** @type {any[]} */ list) => [h('h2', {}, 'Headers'), headers(list)]);
  const drawActions = section(bar, (/** @type {any} */ email) =>
    actions(context, email, { changed: watch, erased: () => go(['emails']) }),
  );
  const drawContent = section(body, (/** @type {any} */ email) => content(context, email));

  /** @param {any} email  @param {any[]} events  @param {any} queue */
  function draw(email, events, queue) {
    const subject = email.subject || title;
    if (heading.textContent !== subject) replace(heading, subject);
    loading.remove();
    isDrawn = true;
    drawFront({ email, queue });
    drawDetails(email);
    drawEvents(events);
    const { status: state, maybe_duplicate, html, text, recipients: list, attachments } = email;
    drawActions({ id: email.id, status: state, maybe_duplicate });
    // The statuses of the recipients change, and the frame must stay.
    drawContent({ id: email.id, subject, html, text, recipients: list?.length, attachments });
    if (list?.length) {
      drawPeople(withWords(email, events));
      drawHeaders(headersOf(email));
    }
    for (const shown of [frontCard, detailCard, eventCard]) shown.hidden = false;
    for (const shown of [peopleCard, headerCard]) shown.hidden = !list?.length;
  }

  let watching = new AbortController();

  async function refresh() {
    try {
      const [email, events] = await Promise.all([
        api.get(`/emails/${id}`, undefined, { signal }),
        api.get(`/emails/${id}/events`, undefined, { signal }),
      ]);
      const queue = WAITING.includes(email.status) ? await queueOf(email) : null;
      replace(trouble);
      draw(email, events.data, queue);
      if (isSettled(email, Date.now())) watching.abort();
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      // An old state with a late line is more useful than none.
      if (!isDrawn || error.isMissing) {
        loading.remove();
        replace(trouble, problem(error, watch));
        error.shown = true;
      }
      throw error;
    }
  }

  /** The queue of a waiting email tells why it waits. A deleted queue tells nothing. */
  async function queueOf(/** @type {any} */ email) {
    try {
      return await api.get(`/queues/${encodeURIComponent(email.queue)}`, undefined, { signal });
    } catch (error) {
      if (error instanceof ApiError && error.isMissing) return null;
      throw error;
    }
  }

  /** Loads the email now, and again until it is settled. */
  function watch() {
    watching.abort();
    watching = new AbortController();
    live(AbortSignal.any([signal, watching.signal]), EVERY, refresh);
  }

  watch();
  return h(
    'article',
    {},
    h('p', {}, link('Emails', '#/emails')),
    heading,
    trouble,
    loading,
    frontCard,
    bar,
    detailCard,
    eventCard,
    peopleCard,
    headerCard,
    body,
  );
}
