// Times in the reader's zone, with UTC on hover.

import { h } from './dom.js';

const UNITS = /** @type {const} */ ([
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
]);

/**
 * Shows a time in the reader's zone; UTC is its title.
 * @param {string | null | undefined} iso
 * @returns {HTMLElement}
 */
export function time(iso) {
  return element(iso, (date) => date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' }));
}

/**
 * Shows a time by its distance from now, such as "5 minutes ago".
 * @param {string | null | undefined} iso
 * @returns {HTMLElement}
 */
export function ago(iso) {
  return element(iso, (date) => agoText(date.getTime(), Date.now()));
}

/**
 * Returns the distance of a time from another one in words.
 * @param {number} at
 * @param {number} now
 * @returns {string}
 */
export function agoText(at, now) {
  const seconds = Math.round((at - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 2) return 'just now';
  const [unit, length] = UNITS.find(([, unitLength]) => size >= unitLength) ?? UNITS[3];
  return new Intl.RelativeTimeFormat('en', { numeric: 'always' }).format(Math.trunc(seconds / length), unit);
}

/**
 * Returns a duration by its two largest units, such as "2 h 5 min".
 * @param {number | null | undefined} seconds
 * @returns {string}
 */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–';
  if (seconds > 0 && seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  let rest = Math.round(seconds);
  const parts = [];
  for (const [name, length] of /** @type {const} */ ([
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ])) {
    const amount = Math.trunc(rest / length);
    rest -= amount * length;
    if (amount !== 0) parts.push(`${amount} ${name}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

/**
 * Returns the time of an `<input type="datetime-local">` in UTC, or an empty text.
 * @param {string} local
 * @returns {string}
 */
export function toIso(local) {
  const date = new Date(local);
  return local && !Number.isNaN(date.getTime()) ? date.toISOString() : '';
}

/**
 * Returns the value of an `<input type="datetime-local">` for a time, or an empty text.
 * @param {string | null | undefined} iso
 * @returns {string}
 */
export function fromIso(iso) {
  const date = new Date(iso ?? '');
  if (!iso || Number.isNaN(date.getTime())) return '';
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

/**
 * Returns a time in UTC as text, such as "2026-12-24 17:00:00 UTC".
 * @param {Date} date
 * @returns {string}
 */
export function utc(date) {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/**
 * @param {string | null | undefined} iso
 * @param {(date: Date) => string} words
 * @returns {HTMLElement}
 */
function element(iso, words) {
  const date = new Date(iso ?? '');
  if (!iso || Number.isNaN(date.getTime())) return h('span', { class: 'muted' }, iso || '–');
  return h('time', { datetime: date.toISOString(), title: utc(date) }, words(date));
}
