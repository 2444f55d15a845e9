// Keys: the API keys of the tenant, and the keys whose emails are held.

import { status } from '../kit/badge.js';
import { h, link, replace } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { address } from '../kit/router.js';
import { table } from '../kit/table.js';
import { ago, time } from '../kit/time.js';
import { change, create, newKey, release, revoke } from './key-actions.js';
import { notForThisKey } from './lines.js';
import { section } from './section.js';

/** @typedef {import('../kit/router.js').Context} Context */
/** @typedef {import('./key-actions.js').ApiKey} ApiKey */

export const title = 'Keys';

/** Keys of a page. */
const PAGE = 25;

/** @type {Record<string, string>} */
const PERMISSIONS = { sending_access: 'sending', read_access: 'reading', full_access: 'full' };

/** @param {ApiKey} key */
function expiry({ expires_at: at }) {
  if (!at) return 'never';
  return Date.parse(at) < Date.now() ? [status('expired', 'bad'), ' ', time(at)] : time(at);
}

/** @param {ApiKey} key */
function creation({ created_at: at, created_by: by }) {
  return h('div', {}, time(at), h('div', { class: 'muted' }, 'by ', h('span', { class: 'mono' }, by)));
}

/**
 * @param {Context} context
 * @param {() => void} changed
 * @returns {import('../kit/table.js').Column<ApiKey>[]}
 */
function columns(context, changed) {
  const own = context.session.account?.key?.id;
  return [
    { title: 'Name', cell: ({ id, name }) => [name, id === own && [' ', status('this session', 'good')]] },
    { title: 'Permission', cell: ({ permission }) => PERMISSIONS[permission] ?? permission },
    { title: 'From domains', cell: ({ from_domains: domains }) => domains?.join(', ') ?? 'all' },
    { title: 'Last used', cell: ({ last_used_at: at }) => (at ? ago(at) : 'never') },
    { title: 'Expires', cell: expiry },
    { title: 'Created', narrow: false, cell: creation },
    {
      title: 'Actions',
      // The data redraws the buttons after a change, because they depend on it.
      cell: (key) =>
        h(
          'div',
          { class: 'toolbar', data: { of: JSON.stringify([key.name, key.from_domains]) } },
          change(context, key, changed),
          revoke(context, key, changed),
          link('Emails', address('emails', { key: key.id })),
        ),
    },
  ];
}

/**
 * The keys whose emails wait for a decision. Revoked keys are among them, so they are not rows of the table.
 * @param {Context} context
 * @param {string[]} ids
 * @param {() => void} changed
 */
function heldKeys(context, ids, changed) {
  if (ids.length === 0) return null;
  const mayRelease = context.session.may('command');
  return h(
    'section',
    { class: 'card', 'aria-label': 'Held emails' },
    h('h2', {}, 'Held emails'),
    h(
      'p',
      {},
      'The emails of these keys wait in every queue. Look at them, cancel those that nobody should get, and ' +
        'release the key, also when nothing is left.',
    ),
    !mayRelease &&
      h('p', { class: 'muted' }, 'A release sends emails, so it needs a key of the tenant with full access.'),
    h(
      'ul',
      {},
      ids.map((id) =>
        h(
          'li',
          {},
          h('span', { class: 'mono' }, id),
          ' ',
          link('Its emails', address('emails', { key: id })),
          ' ',
          mayRelease && release(context, id, changed),
        ),
      ),
    ),
  );
}

/** @param {Context} context */
export function render(context) {
  const { api, session, live, signal } = context;
  if (!session.may('keys')) {
    return notForThisKey('This key sees no API keys', 'Only a key with full access lists and changes API keys.');
  }
  const secret = h('div', { role: 'status' });
  const holds = h('div');
  const tenant = session.isDeployer ? session.tenant : undefined;
  const showHolds = section(holds, (/** @type {string[]} */ ids) => heldKeys(context, ids, changed));

  async function refresh() {
    const [queue] = await Promise.all([api.get('/queues/default', undefined, { signal }), shown.reload()]);
    showHolds(queue.held_keys);
  }

  // A failed update shows the old state; the change itself succeeded.
  const changed = () => void refresh().catch(() => {});

  /** @param {{token: string}} answer */
  function created({ token }) {
    replace(
      secret,
      newKey(token, () => replace(secret)),
    );
    secret.scrollIntoView({ block: 'nearest' });
    changed();
  }

  /** @type {ReturnType<typeof table<ApiKey>>} */
  const shown = table({
    caption: 'API keys, newest first',
    columns: columns(context, changed),
    key: (key) => key.id,
    empty: empty({ title: 'No API keys', text: 'Create one for each program, with no more rights than it needs.' }),
    load: async (after) => {
      const page = await api.get('/api-keys', { tenant, limit: PAGE, after }, { signal });
      return { rows: page.data, next: page.has_more ? (page.data.at(-1)?.id ?? null) : null };
    },
  });
  live(signal, 30, refresh);
  return h(
    'section',
    {},
    h('h1', {}, title),
    h(
      'p',
      { class: 'muted' },
      session.isDeployer && `Keys of the tenant ${session.tenant}. `,
      'A revoked key is not listed. The last use is known to the hour.',
    ),
    h('div', { class: 'toolbar' }, create(context, created)),
    secret,
    holds,
    shown.element,
  );
}
