// The list of messages: one row for each.

import { h, replace } from '../console-kit/kit/dom.js';
import { time } from '../console-kit/kit/time.js';
import { count, plain, short, subject } from './shown.js';

/**
 * @typedef {object} Summary
 * @property {string} id
 * @property {string} from
 * @property {string[]} to
 * @property {string} subject
 * @property {number} attachments
 * @property {string} received_at
 *
 * @typedef {object} Summaries
 * @property {number} revision
 * @property {number} count of all messages
 * @property {number} matching of the filter
 * @property {Summary[]} messages the newest matching ones
 */

/** @param {Summary} message */
function row(message) {
  const [first, ...others] = message.to;
  const more = others.length ? ` and ${others.length} more` : '';
  return h(
    'a',
    {
      class: 'row',
      href: `#${encodeURIComponent(message.id)}`,
      data: { id: message.id, key: message.id },
    },
    h('span', { class: 'from', title: plain(message.from) }, h('bdi', {}, short(message.from))),
    time(message.received_at),
    h('span', { class: 'subject' }, subject(message)),
    h('span', { class: 'to', title: plain(message.to.join(', ')) }, 'to ', h('bdi', {}, short(first ?? '')), more),
    message.attachments ? h('span', { class: 'attached' }, count(message.attachments, 'file')) : null,
  );
}

/**
 * Says how many messages there are, and how many of them the list shows.
 * @param {Summaries} summaries
 * @param {boolean} isFiltered
 */
function total({ count: all, matching, messages }, isFiltered) {
  const found = isFiltered ? `${matching} of ${count(all, 'message')}` : count(all, 'message');
  return messages.length < matching ? `${found}, the newest ${messages.length} shown` : found;
}

/**
 * @param {{list: HTMLElement, count: HTMLElement}} places
 * @param {Summaries} summaries
 * @param {boolean} isFiltered
 */
export function showList(places, summaries, isFiltered) {
  places.count.textContent = total(summaries, isFiltered);
  document.title = summaries.count ? `Inbox (${summaries.count})` : 'Inbox';
  const none =
    isFiltered && summaries.count
      ? 'No message matches the filter.'
      : 'No messages yet. New messages appear automatically.';
  const rows = summaries.messages.map(row);
  replace(places.list, rows.length ? rows : h('p', { class: 'none' }, none));
}
