// The state of a sending domain as badges, and the answer of a registration on its way to the page of its domain.

import { status } from '../kit/badge.js';

/** @typedef {import('../kit/badge.js').Tone} Tone */

/**
 * @typedef {{record: string, name: string, host: string, type: string, ttl: string, priority?: number, value: string,
 *   status: string, dns?: {status: string, found: string[], hint?: string | null} | null}} DomainRecord
 */

/**
 * @typedef {{id: string, name: string, status: string, verified: string, region: string, tls: string,
 *   open_tracking: boolean, click_tracking: boolean, created_at: string, hint?: string | null}} DomainSummary
 */

/** @typedef {DomainSummary & {records: DomainRecord[], dmarc: DomainRecord}} Domain */

/** @type {Record<string, {label: string, tone: Tone}>} */
const VERIFIED = {
  never: { label: 'not yet', tone: 'warn' },
  now: { label: 'sends', tone: 'good' },
  lost: { label: 'lost, emails wait', tone: 'bad' },
};

/** @type {Record<string, Tone>} */
const TONES = {
  verified: 'good',
  found: 'good',
  pending: 'warn',
  not_started: 'warn',
  unknown: 'warn',
  failed: 'bad',
  temporary_failure: 'bad',
  missing: 'bad',
  different: 'bad',
};

/**
 * Tells whether Amazon SES sends for a domain.
 * @param {DomainSummary} domain
 */
export function sendsFor({ verified }) {
  return status(VERIFIED[verified]?.label ?? verified, VERIFIED[verified]?.tone);
}

/**
 * Shows a status of Amazon SES or of DNS.
 * @param {string} name
 */
export function stateBadge(name) {
  return status(name.replaceAll('_', ' '), TONES[name]);
}

/** @type {Domain | null} */
let registered = null;

/**
 * Keeps the answer of a registration for the page of the domain.
 * @param {Domain} domain
 */
export function keepRegistered(domain) {
  registered = domain;
}

/**
 * Takes the answer of the registration of a domain, once. A request would ask DNS before the records are there, and
 * DNS servers would remember for a while that they are missing.
 * @param {string} id
 * @returns {Domain | null}
 */
export function takeRegistered(id) {
  const taken = registered?.id === id ? registered : null;
  registered = null;
  return taken;
}
