// The actions of an API key, and the answers that a reader has to keep: the key itself, and the number of held emails.

import { actionButton } from '../kit/action.js';
import { copyButton } from '../kit/copy.js';
import { h, link } from '../kit/dom.js';
import { number } from '../kit/format.js';
import { address } from '../kit/router.js';
import { time } from '../kit/time.js';
import { entries } from './lines.js';

/** @typedef {import('../kit/router.js').Context} Context */
/** @typedef {import('../kit/fields.js').Field} Field */

/**
 * @typedef {{id: string, name: string, tenant: string, permission: string, from_domains: string[] | null,
 *   created_at: string, created_by: string, expires_at: string | null, last_used_at: string | null}} ApiKey
 */

/** @typedef {{keys?: string[], emails: number, counted_all: boolean, repeat_at: string | null}} Hold */

export const PERMISSIONS = [
  { value: 'sending_access', label: 'Sending: sends emails, reads nothing' },
  { value: 'read_access', label: 'Reading: reads everything, changes nothing' },
  { value: 'full_access', label: 'Full: everything of the tenant, API keys included' },
];

/** @param {string[] | null} domains @returns {Field} */
const domainField = (domains) => ({
  name: 'from_domains',
  label: 'From domains, one per line',
  kind: 'textarea',
  value: domains?.join('\n'),
  placeholder: 'example.com',
  hint: domains
    ? 'The list replaces the present one. A limit cannot be removed; * covers every domain.'
    : 'Empty: all domains of the tenant. *.example.com covers subdomains, and * every domain.',
});

/**
 * Whether the key of the session is limited to From domains. The API refuses it a hold, which stops other emails too.
 * @param {Context['session']} session
 */
const isNarrowed = (session) => Boolean(session.account?.key?.from_domains?.length);

/**
 * @param {Context} context
 * @param {(answer: {id: string, token: string}) => void} created
 */
export function create({ api, session }, created) {
  return actionButton({
    label: 'Create an API key',
    class: 'button-primary',
    call: () => api.call('POST', '/api-keys', { body: {} }),
    confirm: {
      title: 'Create an API key',
      text: session.isDeployer
        ? `The key belongs to the tenant ${session.tenant}. It is shown once.`
        : 'The key can do no more than the one that you use now. It is shown once.',
      label: 'Create the key',
    },
    fields: [
      { name: 'name', label: 'Name', required: true, placeholder: 'shop', hint: 'At most 50 characters.' },
      { name: 'permission', label: 'Permission', kind: 'select', options: PERMISSIONS, value: 'sending_access' },
      domainField(null),
      {
        name: 'expires_at',
        label: 'Expires at',
        kind: 'datetime',
        hint: 'Empty: with the key that you use now, or never.',
      },
    ],
    withFields: (call, { name, permission, from_domains: lines, expires_at: end }) => {
      const domains = entries(lines);
      return {
        ...call,
        body: {
          name,
          permission,
          ...(domains.length > 0 && { from_domains: domains }),
          ...(end && { expires_at: end }),
          ...(session.isDeployer && { tenant: session.tenant }),
        },
      };
    },
    success: 'The key is created. Store it now.',
    // An undo would show the answer of the revocation as a new key. Its row offers to revoke it.
    done: created,
  });
}

/**
 * @param {Context} context
 * @param {ApiKey} key
 * @param {() => void} changed
 */
export function change({ api, session }, key, changed) {
  /** @type {Field[]} */
  const fields = [{ name: 'name', label: 'Name', required: true, value: key.name }, domainField(key.from_domains)];
  if (!isNarrowed(session)) {
    fields.push({
      name: 'hold',
      label: 'Hold the waiting emails from removed domains',
      kind: 'checkbox',
      hint: 'Within five seconds none of them is sent, until you release the key.',
    });
  }
  const before = key.from_domains ?? [];
  return actionButton({
    label: 'Change',
    call: () => api.call('PATCH', `/api-keys/${key.id}`, { body: {} }),
    confirm: {
      title: `Change the key ${key.name}`,
      text: 'The change takes effect within half a minute. The permission stays.',
      label: 'Save',
    },
    fields,
    withFields: (call, { name, from_domains: lines, hold = false }) => {
      const domains = entries(lines);
      // A hold needs the domains that the key keeps.
      const isOther = domains.join() !== before.join() || (hold && domains.length > 0);
      const body = { ...(name !== key.name && { name }), ...(isOther && { from_domains: domains }) };
      return {
        ...call,
        query: hold ? { hold } : undefined,
        // The API wants at least one change.
        body: Object.keys(body).length > 0 ? body : { name },
      };
    },
    success: 'The key is changed.',
    done: (answer) => {
      changed();
      if (answer.hold) return held(answer.hold);
    },
  });
}

/**
 * @param {Context} context
 * @param {ApiKey} key
 * @param {() => void} changed
 */
export function revoke({ api, session }, key, changed) {
  /** @type {Field[]} */
  const fields = [
    {
      name: 'children',
      label: 'Also revoke every key that was created with it',
      kind: 'checkbox',
      hint: 'Directly or through other keys.',
    },
  ];
  if (!isNarrowed(session)) {
    fields.push({
      name: 'hold',
      label: 'Hold the waiting emails of the revoked keys',
      kind: 'checkbox',
      hint: 'For a leaked key: within five seconds none of its emails is sent, until you release the key.',
    });
  }
  const isOwn = session.account?.key?.id === key.id;
  return actionButton({
    label: 'Revoke',
    call: () => api.call('DELETE', `/api-keys/${key.id}`),
    confirm: {
      title: 'Revoke this API key?',
      text: [
        'It stops working within half a minute, and cannot be restored.',
        isOwn && ' You are signed in with this key: this console then signs out.',
      ],
      typed: key.name.trim(),
      label: 'Revoke the key',
      danger: true,
    },
    fields,
    withFields: (call, { children, hold = false }) => ({
      ...call,
      query: { ...(children && { children }), ...(hold && { hold }) },
    }),
    success: 'The key is revoked.',
    done: (answer) => {
      changed();
      if (answer.hold) return held(answer.hold);
    },
  });
}

/**
 * Ends the hold of a key.
 * @param {Context} context
 * @param {string} id
 * @param {() => void} changed
 */
export function release({ api }, id, changed) {
  return actionButton({
    label: 'Release',
    call: () => api.call('POST', '/emails/release', { query: { key: id } }),
    confirm: {
      title: 'Send the held emails of this key?',
      text: 'Look at them first, and cancel those that nobody should get. Sending continues within two minutes.',
      label: 'Release the emails',
    },
    success: 'The emails are released.',
    done: changed,
  });
}

/**
 * Tells how many emails a hold stops.
 * @param {Hold} hold
 */
export function held({ keys = [], emails, counted_all: isComplete, repeat_at: at }) {
  return h(
    'div',
    {},
    h('p', {}, `${isComplete ? '' : 'At least '}${number(emails)} waiting emails are held.`),
    keys.length > 0 &&
      h(
        'ul',
        {},
        keys.map((id) => h('li', {}, link(`Emails of ${id}`, address('emails', { key: id })))),
      ),
    at && h('p', {}, 'Repeat this at ', time(at), ': a function may still have accepted requests until then.'),
  );
}

/**
 * Shows a new key until the reader has stored it. A dialog could be closed by accident.
 * @param {string} token
 * @param {() => void} stored
 */
export function newKey(token, stored) {
  return h(
    'section',
    { class: 'card', 'aria-label': 'New API key' },
    h('h2', {}, 'Store this key now'),
    h('p', {}, 'It is shown only here and only once. Nobody can read it later; without it, create another key.'),
    h('pre', { tabindex: '0' }, h('code', {}, token)),
    h(
      'div',
      { class: 'toolbar' },
      copyButton(token, 'Copy the key'),
      h('button', { type: 'button', class: 'button', on: { click: stored } }, 'I have stored it'),
    ),
  );
}
