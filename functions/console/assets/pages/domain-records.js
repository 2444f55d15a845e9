// The DNS records of a domain: each value to copy, the status of Amazon SES beside the state in DNS, and the zone file.

import { curl } from '../kit/api.js';
import { copyButton } from '../kit/copy.js';
import { h } from '../kit/dom.js';
import { stateBadge } from './domain-state.js';

/** @typedef {import('./domain-state.js').Domain} Domain */
/** @typedef {import('./domain-state.js').DomainRecord} DomainRecord */

/** @type {Record<string, string>} */
const PURPOSES = {
  DKIM: 'The signature.',
  SPF: 'Bounces, and the permission for Amazon SES to send.',
  DMARC: 'The policy for emails that fail both checks.',
};

/**
 * A value to copy.
 * @param {string} value
 * @param {string} label
 */
export function copied(value, label) {
  return h('div', { class: 'copied' }, h('span', { class: 'mono' }, value), ' ', copyButton(value, label));
}

/** @param {DomainRecord} record */
function names({ name, host }) {
  return h('div', {}, copied(name, 'Copy name'), copied(host, 'Copy full name'));
}

/** @param {DomainRecord} record */
function inSes({ record, status }) {
  // Its status repeats the state in DNS.
  return h('div', {}, record === 'DMARC' ? 'does not check it' : stateBadge(status));
}

/** @param {DomainRecord} record */
function inDns({ dns }) {
  if (!dns) return h('span', { class: 'muted' }, 'not looked up yet');
  const others = dns.status === 'found' ? [] : dns.found;
  return h(
    'div',
    {},
    stateBadge(dns.status),
    others.length > 0 &&
      h(
        'div',
        {},
        'Found instead:',
        h(
          'ul',
          {},
          others.map((value) => h('li', { class: 'mono' }, value)),
        ),
      ),
    dns.hint && h('p', {}, dns.hint),
  );
}

/** @type {import('../kit/table.js').Column<DomainRecord>[]} */
export const COLUMNS = [
  {
    title: 'Record',
    cell: ({ record }) => [h('strong', {}, record), h('div', { class: 'muted' }, PURPOSES[record])],
  },
  { title: 'Type', cell: ({ type, ttl }) => h('div', {}, type, h('div', { class: 'muted' }, `TTL ${ttl}`)) },
  { title: 'Name, full name', cell: names },
  {
    title: 'Value',
    cell: ({ value, priority }) => [
      copied(value, 'Copy value'),
      priority === undefined ? null : h('div', {}, `Priority ${priority}`),
    ],
  },
  { title: 'Amazon SES says', cell: inSes },
  { title: 'DNS says', cell: inDns },
];

/**
 * The records as a zone file (BIND), in the form of the API. The page makes it itself, because a new domain must not be
 * looked up before its records are in DNS.
 * @param {Domain} domain
 */
function zoneFile({ name, records, dmarc }) {
  const lines = [...records, dmarc].map(({ type, host, value, priority }) => {
    const target = type === 'TXT' ? `"${value}"` : `${priority === undefined ? '' : `${priority} `}${value}.`;
    return `${host}. 3600 IN ${type} ${target}\n`;
  });
  return `; DNS records of ${name}\n${lines.join('')}`;
}

/**
 * Shows the records as a zone file, and the call that gives the same file.
 * @param {import('../kit/api.js').Api} api
 * @param {Domain} domain
 */
export function zone(api, domain) {
  const file = zoneFile(domain);
  const call = curl(api.call('GET', `/domains/${domain.id}`, { query: { format: 'zone' } }));
  return h(
    'details',
    { data: { key: 'zone' } },
    h('summary', {}, 'All records as a zone file'),
    h('pre', { tabindex: '0' }, file),
    copyButton(file, 'Copy zone file'),
    h('p', {}, 'This call gives the same file:'),
    h('pre', { tabindex: '0' }, call),
    copyButton(call, 'Copy call'),
  );
}
