// Actions on one email. Each is offered only in the statuses in which the API allows it, and only if the key may.

import { actionButton } from '../kit/action.js';
import { h } from '../kit/dom.js';
import { ENDED, UNSENT, WAITING } from './values.js';

const MAYBE_SENT = 'Amazon SES may have this email already, so it cannot be canceled.';

/**
 * @param {import('../kit/router.js').Context['api']} api
 * @param {any} email
 * @param {() => void} changed
 */
function cancel(api, email, changed) {
  return actionButton({
    label: 'Cancel',
    call: () => api.call('POST', `/emails/${email.id}/cancel`, {}),
    confirm: {
      title: 'Cancel this email?',
      text: 'It is not sent. You can retry it later: it is then sent at once, not at its scheduled time.',
      label: 'Cancel the email',
      danger: true,
    },
    success: 'The email is canceled.',
    done: changed,
  });
}

/**
 * @param {import('../kit/router.js').Context['api']} api
 * @param {any} email
 * @param {() => void} changed
 */
function reschedule(api, email, changed) {
  return actionButton({
    label: 'Reschedule',
    call: () => api.call('PATCH', `/emails/${email.id}`, { body: {} }),
    confirm: { title: 'Reschedule this email', text: 'Times are in your time zone.', label: 'Reschedule' },
    fields: [
      { name: 'scheduled_at', label: 'Send at', kind: 'datetime', required: true },
      {
        name: 'expires_at',
        label: 'Do not send after',
        kind: 'datetime',
        hint: 'Optional. An empty field keeps the expiry that you gave, or renews the default one.',
      },
    ],
    withFields: (call, values) => ({
      ...call,
      body: {
        scheduled_at: values.scheduled_at,
        ...(values.expires_at ? { expires_at: values.expires_at } : {}),
      },
    }),
    success: 'The email is rescheduled.',
    done: changed,
  });
}

/**
 * @param {import('../kit/router.js').Context['api']} api
 * @param {any} email
 * @param {() => void} changed
 */
function retry(api, email, changed) {
  return actionButton({
    label: 'Retry',
    call: () => api.call('POST', `/emails/${email.id}/retry`, {}),
    confirm: {
      title: 'Retry this email?',
      text: 'It is sent at once, with new attempts. Remove the cause first, or it fails again.',
      label: 'Retry the email',
    },
    success: 'The email is queued again.',
    done: changed,
  });
}

/**
 * @param {import('../kit/router.js').Context['api']} api
 * @param {any} email
 * @param {() => void} changed
 */
function force(api, email, changed) {
  return actionButton({
    label: 'Retry with force',
    call: () => api.call('POST', `/emails/${email.id}/retry`, { body: { force: true } }),
    confirm: {
      title: 'Send this email again?',
      text:
        'Amazon SES may have this email already, and nothing proves it. ' +
        'A second copy is possible. The email gets the mark "possible duplicate".',
      label: 'Send it again',
      danger: true,
    },
    success: 'The email is queued again.',
    done: changed,
  });
}

/**
 * @param {import('../kit/router.js').Context['api']} api
 * @param {any} email
 * @param {() => void} erased
 */
function erase(api, email, erased) {
  return actionButton({
    label: 'Erase',
    call: () => api.call('DELETE', `/emails/${email.id}`, {}),
    confirm: {
      title: 'Erase this email for ever?',
      text:
        'Its content, attachments and recipients are deleted at once. This cannot be undone. ' +
        'Its idempotency key stays known, so that a repeated request sends nothing.',
      typed: 'erase',
      label: 'Erase the email',
      danger: true,
    },
    success: 'The email is erased.',
    done: erased,
  });
}

/**
 * The actions for an email, as its status allows them.
 *
 * The deployer's key only cancels.
 *
 * @param {import('../kit/router.js').Context} context
 * @param {any} email
 * @param {{changed: () => void, erased: () => void}} then
 * @returns {import('../kit/dom.js').Child[]}
 */
export function actions({ api, session }, email, { changed, erased }) {
  const waits = WAITING.includes(email.status);
  const cancels = waits && session.may('operate');
  const commands = session.may('command');
  return [
    cancels && !email.maybe_duplicate && cancel(api, email, changed),
    cancels && email.maybe_duplicate && h('p', { class: 'muted' }, MAYBE_SENT),
    commands && waits && reschedule(api, email, changed),
    commands && UNSENT.includes(email.status) && retry(api, email, changed),
    commands && email.status === 'unknown' && force(api, email, changed),
    commands && ENDED.includes(email.status) && erase(api, email, erased),
  ];
}
