// Queues: the list with counts and states, and the creation of a queue.

import { actionButton } from '../kit/action.js';
import { h } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { number } from '../kit/format.js';
import { address, go } from '../kit/router.js';
import { table } from '../kit/table.js';
import { bodyOf, settingFields, stateOf } from './queue-settings.js';

/** @typedef {import('../kit/router.js').Context} Context */

export const title = 'Queues';

/** Seconds between two updates. */
const EVERY = 10;

/** @param {Context} context */
function create({ api }) {
  return actionButton({
    label: 'Create a queue',
    class: 'button-primary',
    call: () => api.call('POST', '/queues', { body: {} }),
    confirm: {
      title: 'Create a queue',
      text: 'A queue has its own rate, priority and retries. Emails name it in the field "queue".',
      label: 'Create the queue',
    },
    fields: [
      { name: 'name', label: 'Name', required: true, hint: '1 to 64 of a-z, 0-9 and -' },
      ...settingFields(null),
    ],
    withFields: (call, values) => ({ ...call, body: { name: values.name, ...bodyOf(null, values) } }),
    success: 'The queue is created.',
    done: (queue) => go(['queues', queue.name]),
  });
}

/** @param {string} name @returns {(queue: any) => string} */
const count = (name) => (queue) => number(queue.counts[name]);

/**
 * @param {Context} context
 * @returns {Promise<HTMLElement>}
 */
export async function render(context) {
  const { api, session, live, signal } = context;
  const list = table({
    caption: 'Queues',
    columns: [
      { title: 'Queue', cell: (queue) => queue.name },
      { title: 'State', cell: stateOf },
      { title: 'Due', class: 'number', cell: count('queued') },
      { title: 'Scheduled', class: 'number', cell: count('scheduled') },
      { title: 'Retry', class: 'number', cell: count('retry') },
      { title: 'Sending', class: 'number', cell: count('sending') },
      { title: 'Held', class: 'number', cell: count('held') },
      { title: 'Priority', cell: (queue) => queue.priority },
      {
        title: 'Rate',
        class: 'number',
        cell: (queue) => (queue.rate_per_second === null ? 'No limit' : `${number(queue.rate_per_second)} per second`),
      },
    ],
    key: (/** @type {any} */ queue) => queue.name,
    rowLink: (queue) => address(['queues', queue.name]),
    empty: empty({ title: 'No queues', text: 'Each tenant has the queue default. Choose a tenant that exists.' }),
    load: async () => ({ rows: (await api.get('/queues', undefined, { signal })).data, next: null }),
  });
  live(signal, EVERY, () => list.reload());
  return h(
    'section',
    {},
    h('h1', {}, title),
    h('p', { class: 'muted' }, 'Counts are at most one minute old.'),
    h('div', { class: 'toolbar' }, session.may('command') && create(context)),
    list.element,
  );
}
