// Tenants: limits and suspension of each, and the usage of one. Only the deployer's key shows them.

import { status } from '../kit/badge.js';
import { h, replace } from '../kit/dom.js';
import { empty } from '../kit/empty.js';
import { dollars, number } from '../kit/format.js';
import { problem } from '../kit/problem.js';
import { setQuery } from '../kit/router.js';
import { table } from '../kit/table.js';
import { ago, time } from '../kit/time.js';
import { notForThisKey } from './lines.js';
import { change, create, remove, resume, suspend } from './tenant-actions.js';

/** @typedef {import('../kit/router.js').Context} Context */
/** @typedef {import('./tenant-actions.js').Tenant} Tenant */

export const title = 'Tenants';

/** The tenant of every deployment. It has no limits, and the API refuses to change it. */
const MAIN = 'main';

const METRICS = ['accepted', 'sent', 'delivered', 'bounced', 'complained', 'failed'];

/** Words for the states of unfinished emails. */
const UNFINISHED = ['scheduled', 'queued', 'sending', 'retry', 'held'];

/** @param {Tenant} tenant */
function state({ suspended, suspended_at: at }) {
  return h('div', {}, suspended ? [status('suspended', 'bad'), at && [' ', ago(at)]] : status('active', 'good'));
}

/** @param {Tenant} tenant */
function limits({ daily_cap: cap, rate }) {
  if (cap === null && rate === null) return 'none of its own';
  return h(
    'div',
    {},
    cap !== null && h('div', {}, `${number(cap)} recipients a day`),
    rate !== null && h('div', {}, `${number(rate)} recipients a second`),
  );
}

/**
 * @param {Context} context
 * @param {{changed: () => void, choose: (name: string) => void}} then
 * @returns {import('../kit/table.js').Column<Tenant>[]}
 */
function columns({ api }, { changed, choose }) {
  /** @param {Tenant} tenant */
  const actions = (tenant) => {
    const { name, suspended } = tenant;
    const usage = h(
      'button',
      {
        type: 'button',
        class: 'button',
        data: { key: `usage:${name}` },
        on: { click: () => choose(name) },
      },
      'Usage',
    );
    // The data redraws the buttons after a change, because they depend on it.
    return h(
      'div',
      { class: 'toolbar', data: { of: JSON.stringify(tenant) } },
      usage,
      name !== MAIN && [
        change(api, tenant, changed),
        suspended ? resume(api, tenant, changed) : suspend(api, tenant, changed),
        suspended && remove(api, tenant, changed),
      ],
    );
  };
  return [
    { title: 'Name', cell: ({ name }) => name },
    { title: 'State', cell: state },
    { title: 'From domains', cell: ({ from_domains: domains }) => domains.join(', ') },
    { title: 'Limits', cell: limits },
    { title: 'Created', narrow: false, cell: ({ created_at: at }) => time(at) },
    { title: 'Actions', cell: actions },
  ];
}

/**
 * Reads the usage of a tenant: its emails of this day and this month in UTC, and its unfinished emails.
 * @param {Context} context
 * @param {string} tenant
 */
async function usageOf({ api, signal }, tenant) {
  const today = new Date().toISOString().slice(0, 10);
  /** @param {string} path @param {Record<string, string>} [query] */
  const read = (path, query) => api.run({ ...api.call('GET', path, { query }), tenant }, { signal });
  const metrics = METRICS.join(',');
  const [day, month, account] = await Promise.all([
    read('/emails/metrics', { metrics, start_date: today }),
    read('/emails/metrics', { metrics, start_date: `${today.slice(0, 8)}01` }),
    read('/account'),
  ]);
  return { day, month, account };
}

/**
 * @param {string} name
 * @param {Awaited<ReturnType<typeof usageOf>>} usage
 */
function usageCard(name, { day, month, account }) {
  /** @param {string} label @param {string} inDay @param {string} inMonth */
  const row = (label, inDay, inMonth) =>
    h(
      'tr',
      {},
      h('th', { scope: 'row' }, label),
      h('td', { class: 'number' }, inDay),
      h('td', { class: 'number' }, inMonth),
    );
  return h(
    'section',
    { class: 'card', 'aria-label': `Usage of ${name}` },
    h('h2', {}, `Usage of ${name}`),
    h(
      'table',
      {},
      h('caption', { class: 'sr-only' }, `Recipients of ${name} in UTC`),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, 'Recipients'),
          ['Today', 'This month'].map((label) => h('th', { scope: 'col', class: 'number' }, label)),
        ),
      ),
      h(
        'tbody',
        {},
        METRICS.map((metric) => row(metric, number(day.totals[metric]), number(month.totals[metric]))),
        row('cost', dollars(day.cost.cost_usd), dollars(month.cost.cost_usd)),
      ),
    ),
    h('h3', {}, 'Unfinished emails'),
    h(
      'dl',
      { class: 'facts' },
      UNFINISHED.map((part) => [h('dt', {}, part), h('dd', {}, number(account.unfinished[part]))]),
    ),
    h('p', { class: 'muted' }, 'Days and months are in UTC. The numbers are at most about half a minute old.'),
  );
}

/** @param {Context} context */
export function render(context) {
  const { api, session, route, live, signal } = context;
  if (!session.may('tenants')) {
    return notForThisKey('This key sees no tenants', 'Only the deployer’s key lists and changes tenants.');
  }
  const usage = h('div', { role: 'status' });
  let chosen = route.query.get('tenant');

  async function showUsage() {
    const name = chosen;
    if (!name) return;
    const figures = await usageOf(context, name);
    // The reader may have chosen another tenant in the meantime.
    if (name === chosen) replace(usage, usageCard(name, figures));
  }

  /** @param {string} name */
  function choose(name) {
    chosen = name;
    setQuery({ tenant: name });
    replace(usage);
    showUsage().then(
      () => usage.scrollIntoView({ block: 'nearest' }),
      (error) =>
        !signal.aborted &&
        name === chosen &&
        replace(
          usage,
          problem(error, () => choose(name)),
        ),
    );
  }

  // The table shows its own problem, and the change itself succeeded.
  const changed = () => void shown.reload().catch(() => {});

  /** @type {ReturnType<typeof table<Tenant>>} */
  const shown = table({
    caption: 'Tenants, newest first',
    columns: columns(context, { changed, choose }),
    key: (tenant) => tenant.name,
    empty: empty({ title: 'No tenants', text: 'Create one for each product or customer that has its own limits.' }),
    load: async () => {
      const page = await api.get('/tenants', undefined, { signal });
      return { rows: page.data, next: null };
    },
  });
  live(signal, 30, () => Promise.all([shown.reload(), showUsage()]));
  return h(
    'section',
    {},
    h('h1', {}, title),
    h('div', { class: 'toolbar' }, create(api, changed)),
    usage,
    shown.element,
  );
}
