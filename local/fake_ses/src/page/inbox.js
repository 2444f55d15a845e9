// The inbox page: the filter, the list of messages, and the open message.
// The open message is the fragment of the address, and the filter is its query.

import { h, replace } from './console-kit/kit/dom.js';
import { deleteAll } from './inbox/actions.js';
import { showList } from './inbox/list.js';
import { showMessage } from './inbox/message.js';

const REFRESH_MS = 1500;
/** The time after the last key before the list is searched. */
const TYPING_MS = 250;
const FILTERS = ['q', 'recipient', 'tag'];

const place = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (place(name));
const clear = /** @type {HTMLButtonElement} */ (place('clear'));
const places = { list: place('list'), count: place('count') };

/** @type {number | null} */
let revision = null;
/** @type {string | null} */
let open = null;
/** Ends when another message is opened. */
let reading = new AbortController();

function filter() {
  const given = FILTERS.map((name) => [name, field(name).value.trim()]).filter(([, value]) => value);
  return new URLSearchParams(given).toString();
}

function mark() {
  document.body.classList.toggle('reading', open !== null);
  for (const row of document.querySelectorAll('.row')) {
    row.setAttribute('aria-current', String(/** @type {HTMLElement} */ (row).dataset.id === open));
  }
}

/** @param {string} text */
function showNone(text) {
  replace(place('message'), h('p', { class: 'none' }, text));
}

/** Returns the id after the `#`; malformed text there is no message's id. */
function idFromHash() {
  const hash = location.hash.slice(1);
  try {
    return decodeURIComponent(hash) || null;
  } catch {
    return hash;
  }
}

async function openFromHash() {
  open = idFromHash();
  reading.abort();
  reading = new AbortController();
  const { signal } = reading;
  mark();
  if (!open) return showNone('Choose a message to read it.');
  try {
    const answer = await fetch(`/messages/${encodeURIComponent(open)}`, { signal });
    if (!answer.ok) return showNone('This message no longer exists.');
    const message = await answer.json();
    showMessage(place('message'), message, { signal, onDeleted: close });
  } catch {
    if (!signal.aborted) showNone('The message cannot be loaded.');
  }
}

async function close() {
  location.hash = '';
  await refresh();
}

async function refresh() {
  const wanted = filter();
  try {
    const answer = await fetch(`/inbox/summaries?${wanted}`);
    const summaries = await answer.json();
    // A slow answer to an earlier filter is out of date.
    if (wanted !== filter()) return;
    place('state').textContent = answer.ok ? '' : summaries.message;
    if (!answer.ok || summaries.revision === revision) return;
    revision = summaries.revision;
    showList(places, summaries, wanted !== '');
    clear.disabled = summaries.count === 0;
    mark();
  } catch {
    place('state').textContent = 'Not connected; trying again.';
    revision = null;
  }
}

async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, REFRESH_MS);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;
for (const name of FILTERS) {
  const given = new URLSearchParams(location.search).get(name);
  if (given) field(name).value = given;
  field(name).addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      const query = filter();
      history.replaceState(null, '', `${location.pathname}${query && `?${query}`}${location.hash}`);
      revision = null;
      refresh();
    }, TYPING_MS);
  });
}
clear.addEventListener('click', async () => {
  if (await deleteAll()) await close();
});
window.addEventListener('hashchange', openFromHash);
openFromHash();
keepFresh();
