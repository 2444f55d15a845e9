// One message: its head, its files, and tabs with its content.
// Every part of a message is set by text nodes or attributes, so that none of it is ever parsed as markup here.

import { h, replace } from '../console-kit/kit/dom.js';
import { time } from '../console-kit/kit/time.js';
import { attachments } from '../console-kit/parts/attachments.js';
import { contentFrame } from '../console-kit/parts/content.js';
import { headers } from '../console-kit/parts/headers.js';
import { actions } from './actions.js';
import { delivery } from './delivery.js';
import { plain, shown, subject } from './shown.js';

/** The number of recipients above which the rest are folded away. */
const SHOWN_RECIPIENTS = 4;

/** Links open in a new tab; scripts, forms and the page around stay out of reach. */
const SANDBOX = 'allow-popups allow-popups-to-escape-sandbox';

/** @param {string} url */
function htmlFrame(url) {
  const frame = contentFrame(url, "The message's HTML");
  frame.setAttribute('sandbox', SANDBOX);
  return frame;
}

/** The tab that the reader chose last: the next message opens with it. */
let chosen = '';

/**
 * @param {string} name
 * @param {string[]} all
 */
function addresses(name, all) {
  if (!all.length) return null;
  const parts = all.flatMap((text, index) => {
    const address = h('bdi', { title: plain(text) }, shown(text));
    return index ? [', ', address] : [address];
  });
  const folded =
    all.length > SHOWN_RECIPIENTS ? h('details', {}, h('summary', {}, `${all.length} addresses`), parts) : parts;
  return [h('dt', {}, name), h('dd', {}, folded)];
}

/**
 * The fields of a message's head: each a name and the submitted value, in a mail program's form.
 * @param {any} message
 * @param {HTMLElement} state
 */
function facts(message, state) {
  return h(
    'dl',
    { class: 'facts' },
    addresses('From', [message.from]),
    addresses('To', message.to),
    addresses('Cc', message.cc),
    addresses('Bcc', message.bcc),
    addresses('Reply to', message.reply_to),
    h('dt', {}, 'Received'),
    h('dd', {}, time(message.received_at)),
    h('dt', {}, 'Message id'),
    h('dd', { class: 'mono' }, message.id),
    h('dt', {}, 'Email'),
    h('dd', {}, state),
  );
}

/**
 * The downloads of a message: its files, and the message as it was sent.
 * @param {any} message
 * @param {string} path
 */
function files(message, path) {
  const shownFiles = message.attachments.map((/** @type {any} */ file) => ({
    ...file,
    filename: plain(file.filename),
    content_type: plain(file.content_type ?? 'unknown type'),
  }));
  return h(
    'div',
    { class: 'files' },
    shownFiles.length
      ? attachments(shownFiles, (/** @type {any} */ file) => `${path}/attachments/${shownFiles.indexOf(file)}`)
      : null,
    h('a', { href: `${path}/raw`, download: true }, 'Raw message (.eml)'),
  );
}

/**
 * @param {string} title
 * @param {{name: string, value: string}[]} list
 */
function pairs(title, list) {
  if (!list.length) return null;
  return [h('h3', {}, title), headers(list.map(({ name, value }) => ({ name: plain(name), value: plain(value) })))];
}

/**
 * The tabs of a message: the name of each, and the function that creates its content.
 * @param {any} message
 * @param {string} path
 * @param {HTMLElement} state
 */
function panels(message, path, state) {
  /** @type {Map<string, () => HTMLElement>} */
  const all = new Map();
  if (message.html !== null) {
    all.set('HTML', () => htmlFrame(`${path}/html`));
  }
  if (message.text !== null) all.set('Text', () => h('pre', {}, message.text));
  if (message.html !== null) all.set('Source', () => h('pre', {}, message.html));
  all.set('Headers and tags', () =>
    h(
      'div',
      {},
      pairs('Headers', message.headers),
      pairs('Tags', message.tags),
      message.headers.length + message.tags.length ? null : h('p', { class: 'none' }, 'Neither headers nor tags.'),
    ),
  );
  all.set('Delivery', () => state);
  return all;
}

/**
 * Returns a list of tabs and the panel below it. Arrow keys move between the tabs.
 * @param {Map<string, () => HTMLElement>} all
 */
function tabs(all) {
  const names = [...all.keys()];
  const panel = h('div', { class: 'panel', role: 'tabpanel', tabindex: '0', 'aria-label': '' });
  const choose = (/** @type {string} */ name) => {
    buttons.forEach((button, index) => {
      button.setAttribute('aria-selected', String(names[index] === name));
      button.tabIndex = names[index] === name ? 0 : -1;
    });
    panel.setAttribute('aria-label', name);
    replace(panel, all.get(name)?.());
  };
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    const now = buttons.findIndex((button) => button.contains(document.activeElement));
    const next = step && buttons[(now + step + buttons.length) % buttons.length];
    if (!next) return;
    event.preventDefault();
    next.focus();
    next.click();
  };
  const buttons = names.map((name) =>
    h(
      'button',
      {
        type: 'button',
        role: 'tab',
        on: {
          click: () => {
            chosen = name;
            choose(name);
          },
        },
      },
      name,
    ),
  );
  choose(all.has(chosen) ? chosen : (names[0] ?? ''));
  return [h('div', { class: 'tabs', role: 'tablist', on: { keydown: move } }, buttons), panel];
}

/**
 * Shows a message until `signal` ends.
 * @param {HTMLElement} place
 * @param {any} message
 * @param {{signal: AbortSignal, onDeleted: () => void}} reading
 */
export function showMessage(place, message, { signal, onDeleted }) {
  const path = `/messages/${encodeURIComponent(message.id)}`;
  const state = delivery(message.id, signal);
  replace(
    place,
    h('h2', {}, subject(message)),
    facts(message, state.line),
    files(message, path),
    actions(message, onDeleted),
    tabs(panels(message, path, state.panel)),
  );
  place.scrollTop = 0;
}
