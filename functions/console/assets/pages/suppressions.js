// Suppressions: the addresses that get no email. One page of the list, or the address that the reader looks up.

import { actionButton } from '../kit/action.js';
import { curl } from '../kit/api.js';
import { status } from '../kit/badge.js';
import { h, link, replace } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { filters } from '../kit/filters.js';
import { number } from '../kit/format.js';
import { address } from '../kit/router.js';
import { table } from '../kit/table.js';
import { time } from '../kit/time.js';
import { entries, notForThisKey } from './lines.js';

/** @typedef {import('../kit/router.js').Context} Context */
/** @typedef {Context['api']} Api */
/** @typedef {{id: string, email: string, origin: string, source_id: string | null, created_at: string,
 *   expires_at: string | null}} Suppression */

export const title = 'Suppressions';

/** Suppressions of a page. */
const PAGE = 25;

/** Addresses of one request at most. */
const MOST = 100;

/** @type {Record<string, {label: string, tone: import('../kit/badge.js').Tone}>} */
const ORIGINS = {
  bounce: { label: 'permanent bounce', tone: 'bad' },
  complaint: { label: 'complaint', tone: 'bad' },
  manual: { label: 'added by hand', tone: 'muted' },
};

/** @type {import('../kit/filters.js').Filter[]} */
const FILTERS = [
  { name: 'address', label: 'Look up an address', kind: 'text', placeholder: 'ada@example.com' },
  {
    name: 'origin',
    label: 'Origin',
    kind: 'select',
    options: Object.entries(ORIGINS).map(([value, { label }]) => ({ value, label })),
  },
];

/** @param {string} email */
const pathOf = (email) => `/suppressions/${encodeURIComponent(email)}`;

/**
 * Releases one address. A complaint asks first, because the recipient does not want the emails.
 * @param {Api} api
 * @param {{email: string, origin?: string}} suppression `origin` is missing for an address that only SES may list.
 * @param {() => void} changed
 */
function release(api, { email, origin }, changed) {
  return actionButton({
    label: 'Release',
    call: () => api.call('DELETE', pathOf(email)),
    confirm:
      origin === 'complaint'
        ? {
            title: 'Release an address after a complaint?',
            text: `${email} reported an email as spam. Release the address only if the recipient asks for it.`,
            label: 'Release the address',
            danger: true,
          }
        : undefined,
    success: `${email} is released. Now retry its failed emails.`,
    undo: (answer) => (origin && answer.deleted ? api.call('POST', '/suppressions', { body: { email } }) : null),
    done: (answer) => {
      changed();
      if (answer.account_list === 'kept_for_complaint') return keptBySes([email]);
    },
  });
}

/**
 * Releases the selected addresses.
 * @param {Api} api
 * @param {string[]} emails
 * @param {() => void} changed
 */
function releaseMany(api, emails, changed) {
  return actionButton({
    label: `Release ${number(emails.length)} selected`,
    call: () => api.call('POST', '/suppressions/batch/remove', { body: { emails } }),
    confirm: {
      title: `Release ${number(emails.length)} addresses?`,
      text: 'The next email to each of them is sent. A bounce or a complaint suppresses the address again.',
      label: 'Release the addresses',
    },
    success: 'The addresses are released. Now retry their failed emails.',
    undo: () => api.call('POST', '/suppressions/batch/add', { body: { emails } }),
    done: (answer) => {
      changed();
      /** @type {{account_list?: string | null}[]} */
      const data = answer.data;
      const kept = emails.filter((_, place) => data[place]?.account_list === 'kept_for_complaint');
      if (kept.length > 0) return keptBySes(kept);
    },
  });
}

/** @param {string[]} emails */
function keptBySes(emails) {
  return h(
    'div',
    {},
    h('p', {}, 'Released here. The account list of Amazon SES keeps these addresses because of a complaint:'),
    h(
      'ul',
      {},
      emails.map((email) => h('li', { class: 'mono' }, email)),
    ),
    h('p', {}, 'This deployment does not remove them there (template parameter ReleaseComplaints).'),
  );
}

/**
 * Adds addresses. It offers no Undo: the answer does not tell which of them were suppressed before.
 * @param {Api} api
 * @param {() => void} changed
 */
function add(api, changed) {
  return actionButton({
    label: 'Add addresses',
    class: 'button-primary',
    call: () => api.call('POST', '/suppressions', { body: { email: '' } }),
    confirm: {
      title: 'Suppress addresses',
      text: 'Within about five seconds no email goes to them. An address that is suppressed already stays as it is.',
      label: 'Suppress',
    },
    fields: [
      {
        name: 'emails',
        label: 'Addresses, one per line',
        kind: 'textarea',
        required: true,
        placeholder: 'ada@example.com',
        hint: `At most ${MOST} at once.`,
      },
    ],
    withFields: (call, values) => {
      const emails = entries(values.emails);
      // The API names a bad address by its place in the list, and the dialog shows that beside the field.
      return emails.length < 2
        ? { ...call, body: { email: emails[0] ?? '' } }
        : { ...call, path: '/suppressions/batch/add', body: { emails } };
    },
    success: 'The addresses are suppressed.',
    done: changed,
  });
}

/** @param {Suppression} suppression */
function source({ source_id: id }) {
  return id ? link('Open the email', address(['emails', id])) : '–';
}

/**
 * @param {Context} context
 * @param {{selected: Map<string, string>, onSelect: () => void, changed: () => void}} state
 * @returns {import('../kit/table.js').Column<Suppression>[]}
 */
function columns({ api, session }, { selected, onSelect, changed }) {
  /** @type {import('../kit/table.js').Column<Suppression>[]} */
  const shown = [
    { title: 'Address', cell: ({ email }) => h('span', { class: 'mono' }, email) },
    {
      title: 'Origin',
      cell: ({ origin }) => status(ORIGINS[origin]?.label ?? origin, ORIGINS[origin]?.tone),
    },
    { title: 'Email', cell: source },
    { title: 'Since', cell: ({ created_at: at }) => time(at) },
    { title: 'Until', cell: ({ expires_at: at }) => (at ? time(at) : 'no end') },
  ];
  if (!session.may('suppressions')) return shown;
  /** @param {Suppression} suppression */
  const select = ({ id, email }) =>
    h('input', {
      type: 'checkbox',
      'aria-label': `Select ${email}`,
      checked: selected.has(id),
      on: {
        change: ({ target }) => {
          if (target.checked) selected.set(id, email);
          else selected.delete(id);
          onSelect();
        },
      },
    });
  return [
    { title: 'Select', cell: select },
    ...shown,
    { title: 'Action', cell: (suppression) => release(api, suppression, changed) },
  ];
}

/**
 * Loads a page, or the one address of the look-up.
 * @param {Context} context
 * @param {URLSearchParams} query
 * @param {string | null} after
 * @returns {Promise<{rows: Suppression[], next: string | null}>}
 */
async function load({ api, signal }, query, after) {
  const wanted = query.get('address');
  if (wanted) {
    try {
      return { rows: [await api.get(pathOf(wanted), undefined, { signal })], next: null };
    } catch (error) {
      if (error instanceof Error && 'isMissing' in error && error.isMissing) return { rows: [], next: null };
      throw error;
    }
  }
  const page = await api.get('/suppressions', { origin: query.get('origin'), limit: PAGE, after }, { signal });
  // The API leaves out a suppression that just ended, so an empty page has no place to continue from.
  return { rows: page.data, next: page.has_more ? (page.data.at(-1)?.id ?? null) : null };
}

/**
 * @param {Context} context
 * @param {URLSearchParams} query
 * @param {() => void} changed
 */
function nothing({ api, session }, query, changed) {
  const wanted = query.get('address');
  if (wanted && !wanted.includes('@')) {
    return empty({ title: 'No suppression has this id', text: 'Look up a whole address, such as ada@example.com.' });
  }
  if (wanted) {
    return empty({
      title: `${wanted} is not suppressed`,
      text:
        'mailqueue sends to this address. If the advice of a failed email names the account list of Amazon SES, ' +
        'release the address here: that removes it there too.',
      action: session.may('suppressions') ? release(api, { email: wanted }, changed) : null,
    });
  }
  if (query.get('origin')) return empty({ title: 'No suppression of this origin', text: 'Choose another origin.' });
  return empty({
    title: 'No suppressed addresses',
    text: 'A permanent bounce or a complaint adds an address. Add one yourself for a person who wants no emails.',
    curl: session.may('suppressions')
      ? curl(api.call('POST', '/suppressions', { body: { email: 'ada@example.com' } }))
      : undefined,
  });
}

function about() {
  return h(
    'details',
    { class: 'muted' },
    h('summary', {}, 'About this list'),
    h(
      'p',
      {},
      'The list belongs to this tenant. A suppressed recipient is left out of later emails; the other ' +
        'recipients get them. A full mailbox does not suppress.',
    ),
    h(
      'p',
      {},
      'A complaint about an email to several recipients suppresses each of them for seven days, because ' +
        'Amazon SES does not say which of them complained.',
    ),
    h(
      'p',
      {},
      'The account list of Amazon SES is off for this deployment. If Amazon SES refuses an address because of ' +
        'that list, a release here removes it there too.',
    ),
  );
}

/** @param {Context} context */
export function render(context) {
  const { api, session, route, live, signal } = context;
  if (!session.may('read_content')) {
    return notForThisKey(
      'This key sees no suppressed addresses',
      'Only a key of the tenant shows them. The deployer’s key reads no addresses.',
    );
  }
  let query = route.query;
  /** @type {Map<string, string>} Addresses by the id of the suppression. */
  const selected = new Map();
  const bulk = h('div', { class: 'toolbar' });
  const none = h('div');

  function changed() {
    selected.clear();
    for (const box of shown.element.querySelectorAll('input')) box.checked = false;
    onSelect();
    // The table shows its own problem, and the change itself succeeded.
    shown.reload().catch(() => {});
  }

  function onSelect() {
    const isTooMany = selected.size > MOST;
    replace(
      bulk,
      selected.size > 0 && !isTooMany && releaseMany(api, [...selected.values()], changed),
      isTooMany && h('p', { role: 'status' }, `Select at most ${MOST} addresses.`),
    );
  }

  const shown = table({
    caption: 'Suppressions, newest first',
    columns: columns(context, { selected, onSelect, changed }),
    key: (suppression) => suppression.id,
    empty: none,
    load: async (cursor) => {
      const page = await load(context, query, cursor);
      if (page.rows.length === 0) replace(none, nothing(context, query, changed));
      return page;
    },
  });
  const form = filters(FILTERS, query, (next) => {
    query = next;
    shown.reload({ first: true }).catch(() => {});
  });
  live(signal, 30, () => shown.reload());
  return h(
    'section',
    {},
    h('h1', {}, title),
    h('div', { class: 'toolbar' }, session.may('suppressions') && add(api, changed)),
    form,
    bulk,
    shown.element,
    about(),
  );
}
