// Domains: the sending domains of the tenant, newest first.

import { actionButton } from '../kit/action.js';
import { curl } from '../kit/api.js';
import { h } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { address, go } from '../kit/router.js';
import { table } from '../kit/table.js';
import { time } from '../kit/time.js';
import { keepRegistered, sendsFor, stateBadge } from './domain-state.js';

/** @typedef {import('../kit/router.js').Context} Context */
/** @typedef {import('./domain-state.js').DomainSummary} DomainSummary */

export const title = 'Domains';

/** Domains of a page. */
const PAGE = 25;

/** @param {Context} context */
function add({ api, session }) {
  /** @type {import('../kit/fields.js').Field[]} */
  const fields = [
    {
      name: 'name',
      label: 'Domain',
      required: true,
      placeholder: 'mail.example.com',
      hint: 'You need access to its DNS. All domains above and below it belong to the same tenant.',
    },
    {
      name: 'custom_return_path',
      label: 'First label of the MAIL FROM domain',
      placeholder: 'send',
      hint: 'Optional. Bounces go to this subdomain. Empty: send.',
    },
  ];
  if (session.isDeployer) {
    fields.push({
      name: 'adopt',
      label: 'Adopt an existing identity',
      kind: 'checkbox',
      hint: 'Takes over an identity that Amazon SES has already. A later deletion leaves it in place.',
    });
  }
  return actionButton({
    label: 'Add a domain',
    class: 'button-primary',
    call: () => api.call('POST', '/domains', { body: { name: '' } }),
    confirm: {
      title: 'Add a domain',
      text: 'Amazon SES gets an identity for it. The next page shows the DNS records to add.',
      label: 'Add the domain',
    },
    fields,
    withFields: (call, { name, custom_return_path: label, adopt }) => ({
      ...call,
      body: { name, ...(label && { custom_return_path: label }), ...(adopt && { adopt }) },
    }),
    success: 'The domain is registered. Now add its records to DNS.',
    done: (domain) => {
      keepRegistered(domain);
      go(['domains', domain.id]);
    },
  });
}

/** @type {import('../kit/table.js').Column<DomainSummary>[]} */
const COLUMNS = [
  { title: 'Domain', cell: ({ name }) => name },
  { title: 'Amazon SES', cell: sendsFor },
  { title: 'Verification', cell: ({ status }) => stateBadge(status) },
  { title: 'Advice', cell: ({ hint }) => hint ?? '–' },
  { title: 'Region', narrow: false, cell: ({ region }) => region },
  { title: 'Added', cell: ({ created_at: at }) => time(at) },
];

/** @param {Context} context */
function nothing({ api, session }) {
  const mayAdd = session.may('register_domain');
  return empty({
    title: 'No domains yet',
    text: mayAdd
      ? 'Add the domain that your emails come from. Amazon SES sends for it after its records are in DNS.'
      : 'A key with full access adds one.',
    curl: mayAdd ? curl(api.call('POST', '/domains', { body: { name: 'mail.example.com' } })) : undefined,
  });
}

/** @param {Context} context */
export function render(context) {
  const { api, session, live, signal } = context;
  /** @type {ReturnType<typeof table<DomainSummary>>} */
  const shown = table({
    caption: 'Domains, newest first',
    columns: COLUMNS,
    key: (domain) => domain.id,
    rowLink: (domain) => address(['domains', domain.id]),
    empty: nothing(context),
    load: async (after) => {
      const page = await api.get('/domains', { limit: PAGE, after }, { signal });
      return { rows: page.data, next: page.has_more ? (page.data.at(-1)?.id ?? null) : null };
    },
  });
  live(signal, 30, () => shown.reload());
  return h(
    'section',
    {},
    h('h1', {}, title),
    session.isDeployer && h('p', { class: 'muted' }, `Domains of the tenant ${session.tenant}.`),
    h('div', { class: 'toolbar' }, session.may('register_domain') && add(context)),
    shown.element,
  );
}
