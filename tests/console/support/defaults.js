// The mock's answers to calls for which a test names none: a small, healthy tenant.

import * as make from './answers.js';

/** @typedef {import('./mock.js').Call} Call */

const changedQueue = (/** @type {Call} */ call) => make.queue({ name: named(call), ...(call.body ?? {}) });
const named = (/** @type {Call} */ { path }) => decodeURIComponent(path.split('/')[2] ?? '');
const doneEmail = (/** @type {Call} */ call) => ({ object: 'email', id: named(call) });
const jobBegun = () => ({ object: 'job', id: make.uuid(80), before: null });
const webhookChanged = (/** @type {Call} */ call) => ({ object: 'webhook', id: named(call) });
const metadata = (/** @type {import('./mock.js').KeyName} */ key) => key === 'deployer';

/**
 * Returns the answers by operation of openapi.json.
 * @param {import('./mock.js').KeyName} key the kind of key of the session
 * @returns {Record<string, import('./mock.js').Answer>}
 */
export const defaults = (key) => ({
  'GET /account': (call) =>
    metadata(key)
      ? make.deployerAccount({ tenant: call.headers['x-mailqueue-tenant'] ?? null })
      : make.account({ key: make.accountKey({ permission: key }) }),
  'GET /usage': make.usage(),
  'GET /emails': make.list(metadata(key) ? [make.emailMetadata()] : [make.emailItem()]),
  'GET /emails/metrics': (call) => make.metrics({}, call.query),
  'GET /emails/{id}': (call) => (metadata(key) ? make.emailMetadata : make.email)({ id: named(call) }),
  'GET /emails/{id}/events': make.events(),
  'GET /emails/{id}/attachments': make.list([make.attachment()]),
  'GET /emails/{id}/attachments/{attachment_id}': { object: 'attachment', ...make.attachment() },
  'POST /emails': { id: make.uuid(9) },
  'PATCH /emails/{id}': doneEmail,
  'DELETE /emails/{id}': (call) => ({ ...doneEmail(call), deleted: true }),
  'POST /emails/{id}/cancel': doneEmail,
  'POST /emails/{id}/retry': doneEmail,
  'POST /emails/{id}/preview': (call) => ({
    object: 'preview',
    url: `http://${call.headers['host']}/previews/invented`,
    expires_at: make.at(60),
  }),
  'GET /failures': make.failures(),
  'GET /queues': make.list([make.queue()]),
  'POST /queues': (call) => make.queue(call.body ?? {}),
  'GET /queues/{name}': (call) => make.queue({ name: named(call) }),
  'PATCH /queues/{name}': changedQueue,
  'DELETE /queues/{name}': (call) => ({ object: 'queue', name: named(call), deleted: true }),
  'POST /queues/{name}/pause': (call) =>
    make.queue({
      name: named(call),
      paused: true,
      paused_at: make.at(),
      paused_until: call.body?.until ?? null,
      pause_reason: call.body?.reason ?? null,
    }),
  'POST /queues/{name}/resume': (call) => make.queue({ name: named(call) }),
  'POST /queues/{name}/purge': () => ({ ...jobBegun(), before: make.at() }),
  'POST /queues/{name}/restore': jobBegun,
  'POST /queues/{name}/retry': jobBegun,
  'GET /queues/{name}/jobs/{id}': make.job(),
  'GET /suppressions': make.list([make.suppression()]),
  'POST /suppressions': { object: 'suppression', id: make.uuid(31) },
  'GET /suppressions/{suppression}': make.suppression(),
  'DELETE /suppressions/{suppression}': { object: 'suppression', id: make.uuid(30), deleted: true },
  'GET /domains': make.list([make.domainSummary()]),
  'POST /domains': (call) => make.domain({ name: call.body?.name }),
  'GET /domains/{domain}': make.domain(),
  'PATCH /domains/{domain}': { object: 'domain', id: make.uuid(60) },
  'DELETE /domains/{domain}': { object: 'domain', id: make.uuid(60), deleted: true },
  'POST /domains/{domain}/verify': { object: 'domain', id: make.uuid(60) },
  'GET /webhooks': make.list([make.webhookSummary()]),
  'POST /webhooks': {
    object: 'webhook',
    id: make.uuid(51),
    active_at: make.at(),
    signing_secret: 'whsec_aW52ZW50ZWQ=',
  },
  'GET /webhooks/{webhook}': (call) => make.webhook({ id: named(call) }),
  'PATCH /webhooks/{webhook}': webhookChanged,
  'DELETE /webhooks/{webhook}': (call) => ({ ...webhookChanged(call), deleted: true }),
  'GET /webhooks/{webhook}/events': make.list([make.webhookEventSummary()]),
  'GET /webhooks/{webhook}/events/{event}': make.webhookEvent(),
  'GET /webhooks/{webhook}/events/{event}/attempts': make.list([make.webhookAttempt()]),
  'POST /webhooks/{webhook}/events/{event}/replay': { object: 'webhook_event', id: make.eventId(1) },
  'POST /webhooks/{webhook}/test': { object: 'webhook_event', id: make.eventId(2) },
  'POST /webhooks/{webhook}/recover': { id: make.uuid(81) },
  'GET /webhooks/{webhook}/jobs/{job}': { object: 'job', id: make.uuid(81), done: true, emails: 3, events: 5 },
  'POST /webhooks/{webhook}/signing-secret/rotate': (call) => ({
    ...webhookChanged(call),
    signing_secret: 'whsec_cm90YXRlZA==',
  }),
  'GET /api-keys': make.list([make.apiKey()]),
  'POST /api-keys': { id: make.uuid(21), token: 're_invented' },
  'PATCH /api-keys/{id}': (call) => ({ object: 'api_key', id: named(call) }),
  'DELETE /api-keys/{id}': (call) => ({ object: 'api_key', id: named(call), deleted: true }),
  'GET /tenants': make.list([make.tenant()]),
  'POST /tenants': (call) => make.tenant(call.body ?? {}),
  'GET /tenants/{name}': (call) => make.tenant({ name: named(call) }),
  'PATCH /tenants/{name}': (call) => make.tenant({ name: named(call), ...(call.body ?? {}) }),
  'DELETE /tenants/{name}': (call) => ({ object: 'tenant', name: named(call), deleted: true }),
  'POST /console-codes': {
    object: 'console_code',
    code: 'invented-code',
    url: 'http://127.0.0.1/console/#code=invented-code',
    expires_at: make.at(60),
  },
  'POST /console-codes/exchange': {
    object: 'api_key',
    id: make.uuid(41),
    token: 're_exchanged',
    expires_at: make.at(12 * 3600),
  },
});
