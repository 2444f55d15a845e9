/**
 * Webhooks: the list, and the creation of one.
 *
 * Only a tenant's key with full access sees webhooks, because an event shows everything about an email.
 */
import { actionButton } from '../kit/action.js';
import { curl } from '../kit/api.js';
import { status } from '../kit/badge.js';
import { copyButton } from '../kit/copy.js';
import { h, link } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { live } from '../kit/live.js';
import { table } from '../kit/table.js';
import { ago, time } from '../kit/time.js';

export const title = 'Webhooks';

const REFRESH_SECONDS = 10;
const PAGE_SIZE = 20;

/** The events that mailqueue sends. */
export const EVENT_TYPES = [
  'email.scheduled',
  'email.sent',
  'email.delivered',
  'email.delivery_delayed',
  'email.bounced',
  'email.complained',
  'email.opened',
  'email.clicked',
  'email.failed',
  'email.suppressed',
  'email.canceled',
  'email.expired',
  'suppression.added',
  'suppression.removed',
  'domain.created',
  'domain.updated',
  'domain.deleted',
];

/** The events that are chosen in a new webhook: the ends of an email. */
const USUAL_EVENTS = ['email.delivered', 'email.bounced', 'email.complained', 'email.failed'];

const SECRET_HINT = 'whsec_ and base64. Leave it empty for a new one.';

/** @typedef {import('../kit/router.js').Context} Context */

/**
 * @typedef {{
 *   id: string,
 *   endpoint: string,
 *   events: string[],
 *   delivery: 'push' | 'pull',
 *   status: 'enabled' | 'disabled',
 *   state: 'ok' | 'failing',
 *   created_at: string,
 *   disabled_by?: 'caller' | 'gone' | 'failures' | null,
 *   disables_at?: string | null,
 *   expires_at?: string | null,
 *   failing_since?: string | null,
 *   signing_secret?: string,
 *   signing_secret_error?: string | null,
 * }} Webhook
 */

/** @param {Context} context */
export async function render({ api, session, signal }) {
  const refused = refusal(session);
  if (refused) return refused;

  const list = table({
    caption: 'Webhooks, newest first',
    columns: [
      { title: 'Endpoint', cell: (/** @type {Webhook} */ webhook) => endpointOf(webhook) },
      { title: 'Status', cell: healthBadge },
      { title: 'Events', cell: ({ events }) => events.join(', '), narrow: false },
      { title: 'Created', cell: ({ created_at }) => ago(created_at) },
    ],
    load: async (after) => {
      const answer = await api.get('/webhooks', { limit: PAGE_SIZE, after }, { signal });
      return { rows: answer.data, next: answer.has_more ? (answer.data.at(-1)?.id ?? null) : null };
    },
    empty: empty({
      title: 'No webhooks yet',
      text: 'A webhook tells your server about each event of an email, such as a delivery or a bounce.',
      curl: curl(
        api.call('POST', '/webhooks', {
          body: { endpoint: 'https://example.com/webhooks', events: ['email.delivered', 'email.bounced'] },
        }),
      ),
    }),
    key: ({ id }) => id,
    rowLink: ({ id }) => `#/webhooks/${id}`,
  });

  const create = actionButton({
    label: 'New webhook',
    class: 'button-primary',
    call: () => api.call('POST', '/webhooks'),
    confirm: {
      title: 'New webhook',
      text: 'Each event is sent to the endpoint as a signed POST request. A tenant has at most ten webhooks.',
      label: 'Create',
    },
    fields: [
      {
        name: 'delivery',
        label: 'Delivery',
        kind: 'select',
        options: [
          { value: 'push', label: 'Push: events are sent to the endpoint' },
          { value: 'pull', label: 'Pull: your program reads the events, for 24 hours' },
        ],
        value: 'push',
      },
      {
        name: 'endpoint',
        label: 'Endpoint',
        placeholder: 'https://example.com/webhooks',
        hint: 'An https URL with a public host, on port 443 or 8443. Leave it empty for pull.',
      },
      { name: 'events', label: 'Events', kind: 'checks', options: EVENT_TYPES, value: USUAL_EVENTS },
      { name: 'signing_secret', label: 'Your own signing secret', hint: SECRET_HINT },
    ],
    withFields: (call, { delivery, endpoint, events, signing_secret }) => ({
      ...call,
      body: {
        ...(endpoint && { endpoint }),
        events,
        ...(delivery === 'pull' && { delivery }),
        ...(signing_secret && { signing_secret }),
      },
    }),
    done: (answer) => {
      void list.reload({ first: true }).catch(() => {});
      return created(answer);
    },
  });

  live(signal, REFRESH_SECONDS, () => list.reload());
  return h('div', {}, h('div', { class: 'toolbar' }, create), list.element);
}

/**
 * The answer to a creation.
 * @param {{id: string, signing_secret: string, active_at: string, warnings?: string[]}} answer
 */
function created(answer) {
  return h(
    'div',
    {},
    secret(answer.signing_secret),
    warnings(answer.warnings),
    h(
      'p',
      {},
      'Active from ',
      time(answer.active_at),
      '. Events of emails that are accepted before come a little later.',
    ),
    h('p', {}, link('Open the webhook', `#/webhooks/${answer.id}`)),
  );
}

/**
 * Shows a new signing secret.
 * @param {string} value
 */
export function secret(value) {
  return h(
    'div',
    { class: 'card' },
    h('p', {}, 'Copy the signing secret into your receiver now. The receiver verifies each event with it.'),
    h('p', {}, h('code', { class: 'mono' }, value), ' ', copyButton(value, 'Copy the secret')),
  );
}

/**
 * Shows the notes of an answer, such as a host without an address.
 * @param {string[]} [notes]
 */
export function warnings(notes = []) {
  if (!notes.length) return null;
  return h(
    'div',
    { class: 'problem', role: 'alert' },
    h('p', {}, 'The change is done. Note:'),
    h(
      'ul',
      {},
      notes.map((note) => h('li', {}, note)),
    ),
  );
}

/** @param {Webhook} webhook */
export function endpointOf({ endpoint, delivery }) {
  return delivery === 'pull' ? 'Pull (no endpoint)' : endpoint;
}

/**
 * The status of a webhook in a word.
 * @param {Webhook} webhook
 */
export function healthBadge({ status: state, state: health, disabled_by: reason, delivery }) {
  if (state === 'disabled') return status('disabled', reason === 'caller' ? 'muted' : 'bad');
  if (health === 'failing') return status('failing', 'warn');
  return status(delivery === 'pull' ? 'pulled' : 'enabled', 'good');
}

/**
 * Returns the reason why a key sees no webhooks, or null.
 * @param {Context['session']} session
 */
export function refusal(session) {
  if (session.may('webhooks')) return null;
  const { permission } = session.account.key;
  if (session.isDeployer) {
    return notForThisKey(
      "The deployer's key may not see webhooks of any tenant, because events show recipients. " +
        'Create a key with full access for the tenant, then sign in with it.',
    );
  }
  return notForThisKey(
    permission === 'full_access'
      ? 'A webhook covers all emails of the tenant, and this key is limited to some From domains. Use another key.'
      : `Webhooks need a key with full_access. This key has ${permission}.`,
  );
}

/** @param {string} reason */
function notForThisKey(reason) {
  return empty({ title: 'This key may not see webhooks', text: reason, action: link('Keys', '#/keys') });
}
