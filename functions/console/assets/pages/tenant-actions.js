// The actions of a tenant. They need the deployer's key.

import { actionButton } from '../kit/action.js';
import { held } from './key-actions.js';
import { entries } from './lines.js';

/** @typedef {import('../kit/router.js').Context} Context */
/** @typedef {Context['api']} Api */
/** @typedef {import('../kit/fields.js').Field} Field */

/**
 * @typedef {{name: string, from_domains: string[], daily_cap: number | null, rate: number | null, suspended: boolean,
 *   suspended_at: string | null, created_at: string | null}} Tenant
 */

/**
 * Fields of the limits; null: those of a new tenant.
 * @param {Tenant | null} tenant
 * @returns {Field[]}
 */
function limitFields(tenant) {
  return [
    {
      name: 'from_domains',
      label: 'From domains, one per line',
      kind: 'textarea',
      required: true,
      value: tenant?.from_domains.join('\n'),
      placeholder: 'example.com',
      hint: '*.example.com covers subdomains, and * every domain.',
    },
    {
      name: 'daily_cap',
      label: 'Recipients per day',
      kind: 'number',
      min: 1,
      max: 1_000_000_000,
      value: tenant?.daily_cap,
      hint: 'A day in UTC. Empty: no cap of its own.',
    },
    {
      name: 'rate',
      label: 'Recipients per second',
      kind: 'number',
      min: 1,
      max: 100_000,
      value: tenant?.rate,
      hint: 'Averaged over ten seconds. Empty: no rate limit of its own.',
    },
  ];
}

/**
 * @param {Api} api
 * @param {() => void} changed
 */
export function create(api, changed) {
  return actionButton({
    label: 'Create a tenant',
    class: 'button-primary',
    call: () => api.call('POST', '/tenants', { body: {} }),
    confirm: {
      title: 'Create a tenant',
      text: 'A tenant cannot see the data of another one. Its name is never used again after a deletion.',
      label: 'Create the tenant',
    },
    fields: [
      { name: 'name', label: 'Name', required: true, placeholder: 'acme', hint: 'Small letters, digits and dashes.' },
      ...limitFields(null),
    ],
    withFields: (call, { name, from_domains: lines, daily_cap: cap, rate }) => ({
      ...call,
      body: {
        name,
        from_domains: entries(lines),
        ...(cap !== null && { daily_cap: cap }),
        ...(rate !== null && { rate }),
      },
    }),
    success: 'The tenant is created. Choose it, then create an API key for it.',
    done: changed,
  });
}

/**
 * @param {Api} api
 * @param {Tenant} tenant
 * @param {() => void} changed
 */
export function change(api, tenant, changed) {
  return actionButton({
    label: 'Change',
    call: () => api.call('PATCH', pathOf(tenant), { body: {} }),
    confirm: {
      title: `Change the tenant ${tenant.name}`,
      text: 'The change takes effect within half a minute.',
      label: 'Save',
    },
    fields: [
      ...limitFields(tenant),
      {
        name: 'hold',
        label: 'Hold the waiting emails from removed domains',
        kind: 'checkbox',
        hint: 'Within five seconds none of them is sent, for every API key.',
      },
      {
        name: 'release',
        label: 'End earlier holds of removed domains',
        kind: 'checkbox',
        hint: 'Their emails are sent within two minutes, even if the domains stay removed.',
      },
    ],
    withFields: (call, { from_domains: lines, daily_cap: cap, rate, hold, release }) => {
      const domains = entries(lines);
      // A hold needs the domains that the tenant keeps.
      const isOther = hold || domains.join() !== tenant.from_domains.join();
      return {
        ...call,
        query: { ...(hold && { hold }), ...(release && { release }) },
        body: {
          ...(isOther && { from_domains: domains }),
          ...(cap !== tenant.daily_cap && { daily_cap: cap }),
          ...(rate !== tenant.rate && { rate }),
        },
      };
    },
    success: 'The tenant is changed.',
    done: (answer) => {
      changed();
      if (answer.hold) return held(answer.hold);
    },
  });
}

/**
 * @param {Api} api
 * @param {Tenant} tenant
 * @param {() => void} changed
 */
export function suspend(api, tenant, changed) {
  return actionButton({
    label: 'Suspend',
    call: () => suspension(api, tenant, true),
    confirm: {
      title: `Suspend the tenant ${tenant.name}?`,
      text: 'Its API keys stop working within half a minute. Its queues hold the waiting emails.',
      label: 'Suspend the tenant',
      danger: true,
    },
    success: 'The tenant is suspended.',
    undo: () => suspension(api, tenant, false),
    done: changed,
  });
}

/**
 * @param {Api} api
 * @param {Tenant} tenant
 * @param {() => void} changed
 */
export function resume(api, tenant, changed) {
  return actionButton({
    label: 'End the suspension',
    call: () => suspension(api, tenant, false),
    success: 'The suspension is over. The waiting emails are sent.',
    undo: () => suspension(api, tenant, true),
    done: changed,
  });
}

/**
 * @param {Api} api
 * @param {Tenant} tenant
 * @param {() => void} changed
 */
export function remove(api, tenant, changed) {
  return actionButton({
    label: 'Delete',
    call: () => api.call('DELETE', pathOf(tenant)),
    confirm: {
      title: `Delete the tenant ${tenant.name}?`,
      text:
        'This cannot be undone. It needs a suspension of more than 60 seconds and no unfinished emails. Its API keys ' +
        'are revoked, and its name is never used again.',
      typed: tenant.name,
      label: 'Delete the tenant',
      danger: true,
    },
    success: 'The tenant is deleted.',
    done: changed,
  });
}

/**
 * @param {Api} api
 * @param {Tenant} tenant
 * @param {boolean} suspended
 */
function suspension(api, tenant, suspended) {
  return api.call('PATCH', pathOf(tenant), { body: { suspended } });
}

/** @param {Tenant} tenant */
function pathOf({ name }) {
  return `/tenants/${encodeURIComponent(name)}`;
}
