// Queue: one queue with its state, counts and settings, its actions, and the progress of the jobs that they start.

import { actionButton } from '../kit/action.js';
import { ApiError } from '../kit/api.js';
import { h, link, replace, text } from '../kit/dom.js';
import { number } from '../kit/format.js';
import { problem } from '../kit/problem.js';
import { address, go, setQuery } from '../kit/router.js';
import { duration, time } from '../kit/time.js';
import { jobs } from './queue-jobs.js';
import { bodyOf, settingFields, stateOf } from './queue-settings.js';
import { section } from './section.js';
import { CAUSES, isNarrowed, options } from './values.js';

/** @typedef {import('../kit/router.js').Context} Context */
/**
 * A queue and its page. `begun` shows the progress of a job.
 * @typedef {{
 *   context: Context,
 *   queue: any,
 *   path: string,
 *   changed: () => void,
 *   begun: (label: string, id: string) => void,
 * }} Asked
 */

export const title = 'Queue';

/** Seconds between two updates. */
const EVERY = 5;

/** @type {import('../kit/fields.js').Field} */
const CANCELS = {
  name: 'cancel',
  label: 'Also cancel its waiting emails',
  kind: 'checkbox',
  hint: 'Without this, a queue with waiting emails is not deleted.',
};

/** @param {Asked} asked */
function pause({ context: { api }, path, queue, changed }) {
  return actionButton({
    label: queue.paused ? 'Change the pause' : 'Pause',
    call: () => api.call('POST', `${path}/pause`, { body: {} }),
    confirm: {
      title: 'Pause this queue',
      text: 'Within five seconds no email of it is sent. Emails that are being sent are not stopped.',
      label: 'Pause the queue',
    },
    fields: [
      {
        name: 'reason',
        label: 'Reason',
        value: queue.pause_reason,
        hint: 'Optional. Everyone who opens the queue sees it.',
      },
      {
        name: 'until',
        label: 'Until',
        kind: 'datetime',
        value: queue.paused_until,
        hint: 'Optional. Empty: until the queue is resumed.',
      },
    ],
    success: 'The queue is paused.',
    undo: (answer) => (answer.paused ? api.call('POST', `${path}/resume`, {}) : null),
    undoLabel: 'Resume',
    done: changed,
  });
}

/** @param {Asked} asked */
function resume({ context: { api }, path, changed }) {
  return actionButton({
    label: 'Resume',
    class: 'button-primary',
    call: () => api.call('POST', `${path}/resume`, {}),
    success: 'The queue is resumed.',
    done: changed,
  });
}

/** @param {Asked} asked */
function change({ context: { api }, path, queue, changed }) {
  const isDefault = queue.name === 'default';
  return actionButton({
    label: 'Change the settings',
    call: () => api.call('PATCH', path, { body: {} }),
    confirm: {
      title: 'Change the settings',
      text: isDefault
        ? 'Priority and expiry of the default queue are fixed. For others, create a queue.'
        : 'The change also applies to waiting emails. A changed rate takes effect within a minute.',
      label: 'Save',
    },
    fields: settingFields(queue),
    withFields: (call, values) => ({ ...call, body: bodyOf(queue, values) }),
    success: 'The settings are saved.',
    done: changed,
  });
}

/** @param {Asked} asked */
function retryFailed({ context: { api }, path, begun }) {
  return actionButton({
    label: 'Retry failed emails',
    call: () => api.call('POST', `${path}/retry`, { body: {} }),
    confirm: {
      title: 'Retry the failed emails of this queue',
      text: 'Remove the cause first, or they fail again. Emails that Amazon SES may have are not retried.',
      label: 'Retry the emails',
    },
    fields: [
      { name: 'cause', label: 'Cause', kind: 'select', options: options(CAUSES, 'Any cause') },
      { name: 'since', label: 'Failed since', kind: 'datetime', hint: 'Optional. Empty: all of them.' },
    ],
    success: 'The retry has begun.',
    done: (answer) => begun('Retry', answer.id),
  });
}

/** @param {Asked} asked */
function purge({ context: { api, session }, path, queue, begun, changed }) {
  return actionButton({
    label: 'Purge',
    call: () => api.call('POST', `${path}/purge`, {}),
    confirm: {
      title: 'Cancel all waiting emails of this queue?',
      text:
        'Sending stops within five seconds after the answer, which takes four seconds. ' +
        'A restore undoes the purge until the retention of the emails ends.',
      typed: queue.name,
      label: 'Purge the queue',
      danger: true,
    },
    success: 'The purge has begun.',
    // A restore sends, so the deployer's key cannot undo its purge.
    undo: (answer) => (answer.before && session.may('command') ? api.call('POST', `${path}/restore`, {}) : null),
    undoLabel: 'Restore',
    done: (answer) => {
      begun(answer.before ? 'Purge' : 'Restore', answer.id);
      changed();
    },
  });
}

/** @param {Asked} asked */
function restore({ context: { api }, path, begun, changed }) {
  return actionButton({
    label: 'Restore',
    call: () => api.call('POST', `${path}/restore`, {}),
    confirm: {
      title: 'Restore the purged emails?',
      text: 'The emails that a purge canceled wait again, and those that are due are sent at once.',
      label: 'Restore the emails',
    },
    success: 'The restore has begun.',
    done: (answer) => {
      begun('Restore', answer.id);
      changed();
    },
  });
}

/** @param {Asked} asked */
function remove({ context: { api, session }, path, queue }) {
  return actionButton({
    label: 'Delete',
    call: () => api.call('DELETE', path, {}),
    confirm: {
      title: 'Delete this queue?',
      text: 'After the answer, which takes four seconds, the queue accepts no emails. This cannot be undone.',
      typed: queue.name,
      label: 'Delete the queue',
      danger: true,
    },
    fields: isNarrowed(session) ? [] : [CANCELS],
    withFields: (call, values) => (values.cancel ? { ...call, query: { cancel: true } } : call),
    success: 'The queue is deleted.',
    done: () => go(['queues']),
  });
}

/** @param {Asked} asked */
function actions(asked) {
  const { context, queue } = asked;
  const { session } = context;
  const operates = session.may('operate');
  const commands = session.may('command');
  const isDefault = queue.name === 'default';
  const isWide = !isNarrowed(session);
  return [
    operates && queue.paused && resume(asked),
    operates && pause(asked),
    commands && change(asked),
    commands && retryFailed(asked),
    operates && isWide && purge(asked),
    commands && isWide && queue.purged_before !== null && restore(asked),
    commands && !isDefault && remove(asked),
    commands && isDefault && h('p', { class: 'muted' }, 'The default queue cannot be deleted.'),
  ];
}

/**
 * @param {Context} context
 * @param {any} queue
 * @param {() => void} changed
 */
function front({ api, session }, queue, changed) {
  /** @param {string} key */
  const release = (key) =>
    actionButton({
      label: `Release ${key.slice(0, 8)}`,
      call: () => api.call('POST', '/emails/release', { query: { key } }),
      confirm: {
        title: 'Release the emails of this API key?',
        text: `Emails of the key ${key} are sent within two minutes, also if the key is revoked.`,
        label: 'Release the emails',
        danger: true,
      },
      success: 'The emails are released.',
      done: changed,
    });
  return [
    h('p', {}, stateOf(queue)),
    queue.paused &&
      h(
        'p',
        {},
        'Paused since ',
        time(queue.paused_at),
        queue.paused_until ? [' until ', time(queue.paused_until)] : '',
        '. ',
        queue.pause_reason && `Reason: ${queue.pause_reason}`,
      ),
    queue.suspended && h('p', {}, 'The tenant is suspended. No email of this queue is sent.'),
    queue.held_keys.map((/** @type {string} */ key) =>
      h(
        'p',
        {},
        'Emails of the API key ',
        link(key, address(['emails'], { key })),
        ' are held in every queue. ',
        session.may('command') && !isNarrowed(session) && release(key),
      ),
    ),
    queue.held_domains.map((/** @type {string} */ domain) =>
      h('p', {}, 'Amazon SES stopped sending for ', link(domain, '#/domains'), '. Its emails wait.'),
    ),
    queue.lost_domains_held &&
      h('p', {}, 'Emails from removed From domains are held until the deployer releases them.'),
    queue.purged_before && h('p', {}, 'Purged: emails accepted before ', time(queue.purged_before), ' are canceled.'),
  ];
}

/** @param {any} queue */
function counts({ name, counts: { queued, scheduled, retry, sending, held } }) {
  /** @param {string} label @param {number} count @param {string} [status] */
  const row = (label, count, status) => [
    h('dt', {}, label),
    h('dd', {}, status ? link(number(count), address(['emails'], { queue: name, status })) : number(count)),
  ];
  return [
    h('h2', {}, 'Emails'),
    h(
      'dl',
      { class: 'facts' },
      row('Due', queued, 'queued'),
      row('Scheduled', scheduled, 'scheduled'),
      row('Wait for a retry', retry, 'retry'),
      row('Being sent', sending, 'sending'),
      row('Held', held),
    ),
    h('p', { class: 'muted' }, 'Counts are at most one minute old.'),
    h(
      'p',
      {},
      link('All emails of this queue', address(['emails'], { queue: name })),
      ' · ',
      link('Its failed emails', address(['emails'], { queue: name, status: 'failed' })),
    ),
  ];
}

/** @param {any} queue */
function settings(queue) {
  const { priority, rate_per_second: rate, default_expires_in_seconds: expiry, retry_waits_seconds: waits } = queue;
  /** @param {string} term @param {any} value */
  const row = (term, value) => [h('dt', {}, term), h('dd', {}, value)];
  return [
    h('h2', {}, 'Settings'),
    h(
      'dl',
      { class: 'facts' },
      row('Priority', priority),
      row('Rate', rate === null ? 'No limit of its own' : `${number(rate)} recipients per second`),
      row('Emails expire after', expiry === null ? 'As the deployment sets it' : duration(expiry)),
      row('Waits before retries', waits === null ? 'As the deployment sets it' : text(waits.map(duration).join(', '))),
      row('Created', queue.created_at ? time(queue.created_at) : text(null)),
    ),
  ];
}

/**
 * @param {Context} context
 * @returns {Promise<HTMLElement>}
 */
export async function render(context) {
  const { api, route, live, signal } = context;
  const name = route.path[1];
  const path = `/queues/${encodeURIComponent(name)}`;
  const trouble = h('div');
  const loading = h('p', { class: 'muted' }, 'Loading…');
  const bar = h('div', { class: 'toolbar' });
  let isDrawn = false;
  const running = jobs(context, path, route.query);
  /** @param {string} label */
  const card = (label) => h('section', { class: 'card', hidden: true, 'aria-label': label });
  const cards = [card('State'), card('Emails'), card('Settings')];

  const changed = () => void refresh().catch(() => {});
  /** @param {string} label @param {string} id */
  const begun = (label, id) => {
    running.add(label, id);
    setQuery(running.query());
  };
  const drawFront = section(cards[0], (/** @type {any} */ queue) => front(context, queue, changed));
  const drawCounts = section(cards[1], counts);
  const drawSettings = section(cards[2], settings);
  const drawActions = section(bar, (/** @type {any} */ queue) => actions({ context, queue, path, changed, begun }));

  async function refresh() {
    try {
      const queue = await api.get(path, undefined, { signal });
      const { counts: _, ...rest } = queue;
      isDrawn = true;
      loading.remove();
      replace(trouble);
      drawFront(rest);
      drawActions(rest);
      drawCounts({ name, counts: queue.counts });
      drawSettings(rest);
      for (const shown of cards) shown.hidden = false;
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError)) throw error;
      // An old state with a late line is more useful than none.
      if (!isDrawn || error.isMissing) {
        loading.remove();
        replace(trouble, problem(error, changed));
        error.shown = true;
      }
      throw error;
    }
  }

  live(signal, EVERY, refresh);
  return h(
    'article',
    {},
    h('p', {}, link('Queues', '#/queues')),
    h('h1', {}, name),
    trouble,
    loading,
    cards[0],
    bar,
    running.element,
    h('div', { class: 'grid' }, cards[1], cards[2]),
  );
}
