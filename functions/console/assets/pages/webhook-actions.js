/**
 * The actions of a webhook. Each shows its call; a change can be undone, and a deletion asks for the endpoint.
 */
import { actionButton } from '../kit/action.js';
import { h } from '../kit/dom.js';
import { go } from '../kit/router.js';
import { EVENT_TYPES, secret, warnings } from './webhooks.js';

/** @typedef {import('../kit/router.js').Context} Context */
/** @typedef {import('./webhooks.js').Webhook} Webhook */

/**
 * @param {Context} context
 * @param {Webhook} webhook
 * @param {{changed: () => void, recovering: (job: string) => void}} events
 */
export function actions({ api }, webhook, { changed, recovering }) {
  const path = `/webhooks/${encodeURIComponent(webhook.id)}`;
  const isEnabled = webhook.status === 'enabled';
  return h(
    'div',
    { class: 'toolbar' },
    isEnabled && test(api, path, changed),
    isEnabled && recover(api, path, recovering),
    change(api, path, webhook, changed),
    isEnabled ? disable(api, path, changed) : enable(api, path, changed),
    rotate(api, path, changed),
    remove(api, path, webhook),
  );
}

/** @typedef {Context['api']} Api */

/**
 * @param {Api} api
 * @param {string} path
 * @param {() => void} changed
 */
function test(api, path, changed) {
  return actionButton({
    label: 'Send a test event',
    call: () => api.call('POST', `${path}/test`),
    confirm: {
      title: 'Send a test event',
      text: 'The event has the form of a real one, and invented data. Its emails have the tag test.',
      label: 'Send',
    },
    fields: [{ name: 'type', label: 'Type', kind: 'select', options: EVENT_TYPES, value: 'email.delivered' }],
    success: 'The test event is on its way. It is the first one of the events.',
    done: changed,
  });
}

/**
 * @param {Api} api
 * @param {string} path
 * @param {(job: string) => void} recovering
 */
function recover(api, path, recovering) {
  return actionButton({
    label: 'Recover events',
    call: () => api.call('POST', `${path}/recover`),
    confirm: {
      title: 'Recover events',
      text:
        'A job sends the stored events of the period again, and computes missing ones from the emails that were ' +
        'accepted in it. Each event keeps its id. At most 600 events are sent a minute.',
      label: 'Recover',
    },
    fields: [
      { name: 'since', label: 'From', kind: 'datetime', required: true },
      { name: 'until', label: 'Until', kind: 'datetime', hint: 'Leave it empty for now.' },
      {
        name: 'only',
        label: 'Events',
        kind: 'select',
        options: [
          { value: 'failed', label: 'Events that the receiver does not have' },
          { value: 'all', label: 'All events' },
        ],
        value: 'failed',
      },
    ],
    success: 'The recovery has started.',
    done: ({ id }) => recovering(id),
  });
}

/**
 * @param {Api} api
 * @param {string} path
 * @param {Webhook} webhook
 * @param {() => void} changed
 */
function change(api, path, webhook, changed) {
  const isPushed = webhook.delivery === 'push';
  /** @type {Record<string, any>} The values before the change. */
  let before = {};
  return actionButton({
    label: 'Change',
    call: () => api.call('PATCH', path),
    fields: [
      ...(isPushed
        ? [
            {
              name: 'endpoint',
              label: 'Endpoint',
              value: webhook.endpoint,
              required: true,
              hint: 'An https URL with a public host. A new endpoint forgets earlier failures.',
            },
          ]
        : []),
      {
        name: 'events',
        label: 'Events',
        kind: /** @type {const} */ ('checks'),
        // A webhook may name other events of Resend, which never come. They stay until the reader removes them.
        options: [...new Set([...EVENT_TYPES, ...webhook.events])],
        value: webhook.events,
      },
    ],
    withFields: (call, values) => {
      const isMoved = isPushed && values.endpoint !== webhook.endpoint;
      before = { ...(isMoved && { endpoint: webhook.endpoint }), events: webhook.events };
      return { ...call, body: { ...(isMoved && { endpoint: values.endpoint }), events: values.events } };
    },
    success: 'The webhook is changed.',
    done: (answer) => {
      changed();
      return warnings(answer.warnings) ?? undefined;
    },
    undo: () => api.call('PATCH', path, { body: before }),
  });
}

/**
 * @param {Api} api
 * @param {string} path
 * @param {() => void} changed
 */
function disable(api, path, changed) {
  return actionButton({
    label: 'Disable',
    call: () => statusCall(api, path, 'disabled'),
    confirm: {
      title: 'Disable this webhook',
      text: 'From now on its events are kept, and not sent. Enabling it later sends none of them: recover them then.',
      label: 'Disable',
    },
    success: 'The webhook is disabled.',
    done: changed,
    undo: () => statusCall(api, path, 'enabled'),
  });
}

/**
 * @param {Api} api
 * @param {string} path
 * @param {() => void} changed
 */
function enable(api, path, changed) {
  return actionButton({
    label: 'Enable',
    class: 'button-primary',
    call: () => statusCall(api, path, 'enabled'),
    success: 'The webhook is enabled. To send the kept events, recover them.',
    done: changed,
    undo: () => statusCall(api, path, 'disabled'),
  });
}

/**
 * @param {Api} api
 * @param {string} path
 * @param {'enabled' | 'disabled'} status
 */
function statusCall(api, path, status) {
  return api.call('PATCH', path, { body: { status } });
}

/**
 * @param {Api} api
 * @param {string} path
 * @param {() => void} changed
 */
function rotate(api, path, changed) {
  return actionButton({
    label: 'Rotate the secret',
    call: () => api.call('POST', `${path}/signing-secret/rotate`),
    confirm: {
      title: 'Rotate the signing secret',
      text: 'For 24 hours each delivery is also signed with the secret before it.',
      label: 'Rotate',
    },
    fields: [
      {
        name: 'signing_secret',
        label: 'Your own signing secret',
        hint: 'whsec_ and base64. Leave it empty for a new one.',
      },
    ],
    done: (answer) => {
      changed();
      return h('div', {}, secret(answer.signing_secret), warnings(answer.warnings));
    },
  });
}

/**
 * @param {Api} api
 * @param {string} path
 * @param {Webhook} webhook
 */
function remove(api, path, { endpoint }) {
  return actionButton({
    label: 'Delete',
    call: () => api.call('DELETE', path),
    confirm: {
      title: 'Delete this webhook',
      text: 'The webhook and all its events are deleted. This cannot be undone.',
      typed: endpoint,
      label: 'Delete',
      danger: true,
    },
    success: 'The webhook is deleted.',
    done: () => go(['webhooks']),
  });
}
