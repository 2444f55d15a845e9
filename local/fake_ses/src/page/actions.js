// The buttons of a message: events as Amazon SES would send them, and the deletion.

import { h } from '../console-kit/kit/dom.js';
import { toast } from '../console-kit/kit/toast.js';
import { count, short } from './shown.js';

/** The events that a person can cause: the route, the button, and the words of the result. */
const EVENTS = /** @type {const} */ ([
  ['bounce', 'Bounce', 'Bounced'],
  ['complaint', 'Complain', 'Reported as spam'],
  ['open', 'Open', 'Opened'],
]);

/**
 * Sends a request, and tells an error as a toast. Returns the answer, or null.
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function send(method, path, body) {
  try {
    const headers = body ? { 'content-type': 'application/json' } : undefined;
    const answer = await fetch(path, { method, headers, body: body ? JSON.stringify(body) : undefined });
    const text = await answer.text();
    const said = text ? JSON.parse(text) : {};
    if (answer.ok) return said;
    toast(said.message ?? 'The request was refused.', { kind: 'bad' });
  } catch {
    toast('Not connected. Is the local stack running?', { kind: 'bad' });
  }
  return null;
}

/**
 * @param {any} message
 * @param {() => void} onDeleted
 */
export function actions(message, onDeleted) {
  const path = `/messages/${encodeURIComponent(message.id)}`;
  const mailboxes = [...message.to, ...message.cc, ...message.bcc];
  const choice = h(
    'select',
    { 'aria-label': 'Recipient of the event' },
    h('option', { value: '' }, 'Every recipient'),
    mailboxes.map((mailbox, index) => h('option', { value: String(index) }, short(mailbox))),
  );
  const button = (/** @type {typeof EVENTS[number]} */ [route, label, done]) =>
    h(
      'button',
      {
        type: 'button',
        class: 'button',
        on: {
          click: async () => {
            const recipient = mailboxes[Number(choice.value)];
            const body = choice.value === '' ? undefined : { recipient };
            const said = await send('POST', `${path}/${route}`, body);
            if (said)
              toast(`${done}: ${count(said.recipients.length, 'recipient')}. The state follows.`, { kind: 'good' });
          },
        },
      },
      label,
    );
  return h(
    'div',
    { class: 'toolbar', role: 'group', 'aria-label': 'Actions of the message' },
    mailboxes.length > 1 ? choice : null,
    EVENTS.map(button),
    h(
      'button',
      {
        type: 'button',
        class: 'button button-danger',
        on: {
          click: async () => {
            if (await send('DELETE', path)) onDeleted();
          },
        },
      },
      'Delete',
    ),
  );
}

/** Deletes all messages, after a question. Returns true when they are gone. */
export async function deleteAll() {
  return confirm('Delete all messages?') && (await send('DELETE', '/messages')) !== null;
}
