// Domain: its state, its DNS records, and its actions. A pending domain is looked at again and again.

import { actionButton } from '../kit/action.js';
import { ApiError } from '../kit/api.js';
import { h, link } from '../kit/dom.js';
import { go } from '../kit/router.js';
import { table } from '../kit/table.js';
import { time } from '../kit/time.js';
import { COLUMNS, copied, zone } from './domain-records.js';
import { sendsFor, stateBadge, takeRegistered } from './domain-state.js';
import { section } from './section.js';

/** @typedef {import('../kit/router.js').Context} Context */
/** @typedef {import('./domain-state.js').Domain} Domain */

export const title = 'Domain';

/** Seconds between two looks at a pending domain. */
const EVERY = 15;

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** States of a record that can still change without the reader. */
const OPEN = ['pending', 'not_started', 'temporary_failure'];

/**
 * Whether a domain can become verified, or a record be found, while the page is open.
 * @param {Domain} domain
 */
function isPending({ status, verified, records }) {
  if (status === 'failed') return false;
  return verified !== 'now' || records.some((record) => OPEN.includes(record.status));
}

/**
 * Returns the id of a domain. Other pages know only its name.
 * @param {Context} context
 * @param {string} given
 * @returns {Promise<string>}
 */
async function idOf({ api, signal }, given) {
  if (ID.test(given)) return given;
  /** @type {{data: {id: string, name: string}[]}} */
  const { data } = await api.get('/domains', undefined, { signal });
  const found = data.find(({ name }) => name === given);
  if (found) return found.id;
  throw new ApiError({ status: 404, name: 'not_found', message: `This tenant has no domain ${given}.` });
}

/**
 * The facts of a domain. Every setting has one supported value, so nothing can be changed.
 * @param {Domain} domain
 */
function facts(domain) {
  const isTracked = domain.open_tracking || domain.click_tracking;
  /** @type {[string, import('../kit/dom.js').Child][]} */
  const rows = [
    ['Amazon SES', sendsFor(domain)],
    ['Verification', stateBadge(domain.status)],
    ['Region', domain.region],
    ['TLS to the recipient’s server', domain.tls],
    ['Tracking of opens and clicks', isTracked ? 'on' : 'off'],
    ['Added', time(domain.created_at)],
    ['Id', copied(domain.id, 'Copy id')],
  ];
  return [
    domain.hint && h('div', { class: 'problem', role: 'note' }, domain.hint),
    h(
      'dl',
      { class: 'facts' },
      rows.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
    ),
  ];
}

/** @param {Domain} domain */
function advice({ status, verified, dmarc }) {
  const lines = [];
  if (status === 'failed') {
    lines.push('Amazon SES gave up after 72 hours. Add the records to DNS, then verify again.');
  } else if (verified === 'never') {
    lines.push('Add these records at your DNS provider. Amazon SES usually finds them within minutes.');
    lines.push('Most providers take the name and add the domain to it. Some want the full name.');
  }
  if (dmarc.dns && dmarc.dns.status !== 'found') {
    lines.push('Large mailbox providers expect a DMARC record. Amazon SES sends without it.');
  }
  return lines.map((line) => h('p', {}, line));
}

/**
 * @param {Context} context
 * @param {Domain} domain
 * @param {{looked: (domain: Domain) => Promise<void>, look: () => Promise<void>}} then
 */
function actions({ api, session }, domain, { looked, look }) {
  const path = `/domains/${domain.id}`;
  const check = actionButton({
    label: 'Check now',
    class: 'button-primary',
    call: () => api.call('GET', path),
    success: 'Amazon SES and DNS are asked.',
    done: looked,
  });
  const verify = actionButton({
    label: 'Verify again',
    call: () => api.call('POST', `${path}/verify`),
    success: 'The verification has started. mailqueue asks Amazon SES each minute for an hour, then each hour.',
    done: look,
  });
  const remove = actionButton({
    label: 'Delete',
    call: () => api.call('DELETE', path),
    confirm: {
      title: 'Delete this domain?',
      text:
        'Its identity in Amazon SES is deleted too, unless the deployer adopted it. Amazon SES then refuses emails ' +
        'from the domain. A new registration needs new DNS records.',
      typed: domain.name,
      label: 'Delete the domain',
      danger: true,
    },
    success: 'The domain is deleted.',
    done: () => go('/domains'),
  });
  const isManaged = session.may('domains');
  return h('div', { class: 'toolbar' }, check, isManaged && isPendingOrFailed(domain) && verify, isManaged && remove);
}

/** @param {Domain} domain */
function isPendingOrFailed(domain) {
  return domain.status === 'failed' || isPending(domain) || domain.records.some(({ status }) => status === 'failed');
}

/** @param {Context} context */
export async function render(context) {
  const { api, route, live, signal } = context;
  const id = await idOf(context, route.path[1] ?? '');
  const path = `/domains/${id}`;
  /** @type {Domain | null} */
  const registered = takeRegistered(id);
  /** @type {Domain} */
  let domain = registered ?? (await api.get(path, undefined, { signal }));

  const commands = h('div');
  const summary = h('div');
  const help = h('div');
  const file = h('div');
  const showCommands = section(commands, (/** @type {Domain} */ shown) => actions(context, shown, { looked, look }));
  const showSummary = section(summary, facts);
  const showHelp = section(help, advice);
  const showFile = section(file, (/** @type {Domain} */ shown) => zone(api, shown));
  const records = table({
    caption: `DNS records of ${domain.name}`,
    columns: COLUMNS,
    key: (record) => `${record.type} ${record.host} ${record.value}`,
    empty: 'Amazon SES has named no records yet. Verify the domain again.',
    load: async () => ({ rows: [...domain.records, domain.dmarc], next: null }),
  });

  function draw() {
    showCommands(domain);
    showSummary(domain);
    showHelp(domain);
    showFile(domain);
    return records.reload();
  }

  /** @param {Domain} answer */
  async function looked(answer) {
    domain = answer;
    await draw();
    watch();
  }

  async function look() {
    await looked(await api.get(path, undefined, { signal }));
  }

  let isWatched = false;
  function watch() {
    if (isWatched || !isPending(domain)) return;
    isWatched = true;
    const found = new AbortController();
    let isFirst = true;
    live(AbortSignal.any([signal, found.signal]), EVERY, async () => {
      // The first run comes at once, and the page has just looked.
      if (isFirst) isFirst = false;
      else await look();
      if (isPending(domain)) return;
      isWatched = false;
      found.abort();
    });
  }

  await draw();
  // The records of a new domain are not in DNS yet. The reader adds them, and then lets the page look.
  if (!registered) watch();
  return h(
    'section',
    {},
    h('p', {}, link('All domains', '#/domains')),
    h('h1', {}, domain.name),
    commands,
    summary,
    h('h2', {}, 'DNS records'),
    help,
    records.element,
    file,
  );
}
