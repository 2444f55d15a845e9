// The page of received webhook events.
// Every part of an event is set by text nodes or attributes, so that none of it is ever parsed as markup here.

import { status } from './console-kit/kit/badge.js';
import { h, replace } from './console-kit/kit/dom.js';
import { time } from './console-kit/kit/time.js';
import { headers } from './console-kit/parts/headers.js';
import { count, plain, plainLines } from './inbox/shown.js';

/**
 * @typedef {object} Event
 * @property {string} box
 * @property {{received_at: string, headers: {name: string, value: string}[], body: string, verified: boolean,
 *   problem: string | null, fault: string | null}} request
 */

const REFRESH_MS = 1500;
const place = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @type {number | null} */
let revision = null;
/** @type {Event[]} */
let events = [];

/** @param {Event} event */
function payload(event) {
  try {
    const parsed = JSON.parse(event.request.body);
    return parsed && typeof parsed === 'object' ? parsed : {};
  } catch {
    return {};
  }
}

/**
 * @param {Event} event
 * @param {string} name
 */
function header(event, name) {
  return event.request.headers.find((each) => each.name === name)?.value ?? '';
}

/**
 * The address of an event in the list. A repeated attempt has the id of the first one, so the time is a part of it.
 * @param {Event} event
 */
function key(event) {
  return `${event.request.received_at} ${header(event, 'webhook-id')}`;
}

/** @param {Event} event */
function type(event) {
  return plain(payload(event).type ?? '(no type)');
}

/** @param {Event} event */
function about(event) {
  const data = payload(event).data ?? {};
  const to = Array.isArray(data.to) ? data.to[0] : null;
  return plain(to ?? data.email ?? data.name ?? '');
}

/** @param {Event} event */
function marks(event) {
  const { verified, problem, fault } = event.request;
  const signature = verified ? status('verified', 'good') : status('not verified', 'bad');
  signature.title = plain(problem ?? 'Both signatures are genuine.');
  return [signature, fault && [' ', status(`fault: ${fault}`)]];
}

/** @param {Event} event */
function row(event) {
  const at = event.request.received_at;
  return h(
    'a',
    { class: 'row', href: `#${encodeURIComponent(key(event))}`, data: { key: key(event) } },
    h('span', { class: 'subject' }, type(event)),
    h('span', { class: 'to' }, about(event)),
    time(at),
    h('span', { class: 'to' }, marks(event)),
  );
}

function keyFromHash() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || null;
  } catch {
    return null;
  }
}

/** @param {Event} event */
function pretty(event) {
  try {
    return JSON.stringify(JSON.parse(event.request.body), null, 2);
  } catch {
    return event.request.body;
  }
}

/**
 * @param {string} name
 * @param {...import('./console-kit/kit/dom.js').Child} value
 */
function fact(name, ...value) {
  return [h('dt', {}, name), h('dd', {}, ...value)];
}

function show() {
  const open = keyFromHash();
  document.body.classList.toggle('reading', open !== null);
  for (const each of document.querySelectorAll('.row')) {
    each.setAttribute('aria-current', String(/** @type {HTMLElement} */ (each).dataset.key === open));
  }
  const event = events.find((each) => key(each) === open);
  if (!event) {
    const none = open ? 'This event no longer exists.' : 'Choose an event to read it.';
    replace(place('message'), h('p', { class: 'none' }, none));
    return;
  }
  const { request } = event;
  replace(
    place('message'),
    h('h2', {}, type(event)),
    h(
      'dl',
      { class: 'facts' },
      fact('Id', h('bdi', {}, plain(header(event, 'webhook-id')))),
      fact('Received', time(request.received_at)),
      event.box ? fact('Box', h('bdi', {}, plain(event.box))) : null,
      fact('Signature', marks(event), request.problem ? ` ${plain(request.problem)}` : ''),
    ),
    h('pre', {}, plainLines(pretty(event))),
    h('h3', {}, 'Headers'),
    headers(request.headers.map(({ name, value }) => ({ name: plain(name), value: plain(value) }))),
  );
}

/** @param {number} all */
function showList(all) {
  const part = events.length < all ? `, the newest ${events.length} shown` : '';
  place('count').textContent = `${count(all, 'event')}${part}`;
  document.title = all ? `Webhooks (${all})` : 'Webhooks';
  const none = 'No events yet. Create a webhook whose endpoint is /webhook-inbox of this server.';
  replace(place('list'), events.length ? events.map(row) : h('p', { class: 'none' }, none));
}

async function refresh() {
  try {
    const answer = await (await fetch('/webhook-inbox/newest')).json();
    place('state').textContent = '';
    if (answer.revision !== revision) {
      revision = answer.revision;
      events = answer.events;
      showList(answer.count);
      show();
    }
  } catch {
    place('state').textContent = 'Not connected; trying again.';
    revision = null;
  }
}

async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, REFRESH_MS);
}

window.addEventListener('hashchange', show);
show();
keepFresh();
