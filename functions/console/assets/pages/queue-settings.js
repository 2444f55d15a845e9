// The state and the settings of a queue, for the list of queues and the page of one queue.

import { status } from '../kit/badge.js';
import { h } from '../kit/dom.js';

/** The settings in the order of the dialog. */
const SETTINGS = ['priority', 'rate_per_second', 'default_expires_in_seconds', 'retry_waits_seconds'];

/** Settings that the default queue takes from the deployment. */
const FIXED = ['priority', 'default_expires_in_seconds'];

/** @param {any} queue */
export function stateOf(queue) {
  const marks = [];
  if (queue.suspended) marks.push(status('tenant suspended', 'bad'));
  if (queue.paused) marks.push(status('paused', 'warn'));
  const isHeld = queue.held_keys.length > 0 || queue.held_domains.length > 0 || queue.lost_domains_held;
  if (isHeld) marks.push(status('some emails held', 'warn'));
  if (marks.length === 0) marks.push(status('active', 'good'));
  return h(
    'span',
    { class: 'badges' },
    marks.map((mark) => [mark, ' ']),
  );
}

/**
 * Fields of the settings, with the values of a queue; null: a new queue.
 *
 * @param {any} queue
 * @returns {import('../kit/fields.js').Field[]}
 */
export function settingFields(queue) {
  /** @type {import('../kit/fields.js').Field[]} */
  const fields = [
    {
      name: 'priority',
      label: 'Priority',
      kind: 'select',
      options: ['high', 'normal', 'low'],
      value: queue?.priority ?? 'normal',
      hint: 'For emails without a priority of their own.',
    },
    {
      name: 'rate_per_second',
      label: 'Recipients per second',
      kind: 'number',
      min: 1,
      max: 100000,
      step: 1,
      value: queue?.rate_per_second,
      hint: 'Empty: the queue has no rate limit of its own.',
    },
    {
      name: 'default_expires_in_seconds',
      label: 'Seconds until an email expires',
      kind: 'number',
      min: 60,
      max: 315360000,
      step: 1,
      value: queue?.default_expires_in_seconds,
      hint: 'From the due time. Empty: the setting of the deployment.',
    },
    {
      name: 'retry_waits_seconds',
      label: 'Waits before each retry, in seconds',
      value: queue?.retry_waits_seconds?.join(', '),
      placeholder: '60, 300, 900',
      hint: 'Separated by commas. Empty: the setting of the deployment.',
    },
  ];
  return queue?.name === 'default' ? fields.filter(({ name }) => !FIXED.includes(name)) : fields;
}

/**
 * The body of a request: the settings that differ from the queue; null: from a new queue.
 *
 * @param {any} queue
 * @param {import('../kit/fields.js').Values} values
 */
export function bodyOf(queue, values) {
  /** @type {import('../kit/fields.js').Values} */
  const wanted = { ...values, retry_waits_seconds: waitsOf(values.retry_waits_seconds) };
  const before = queue ?? { priority: 'normal' };
  const differs = SETTINGS.filter((name) => {
    const value = wanted[name];
    return value !== undefined && JSON.stringify(value) !== JSON.stringify(before[name] ?? null);
  });
  return Object.fromEntries(differs.map((name) => [name, wanted[name]]));
}

/** @param {string} text */
function waitsOf(text) {
  const waits = text.split(/[\s,]+/).filter(Boolean);
  // The API names the wait that is no number.
  return waits.length === 0 ? null : waits.map((wait) => (/^\d+$/.test(wait) ? Number(wait) : wait));
}
