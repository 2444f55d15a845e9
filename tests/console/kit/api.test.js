// The client of the API: headers, errors and the end of a session.

import assert from 'node:assert/strict';
import test, { afterEach } from 'node:test';
import { ApiError, createApi } from '../../../functions/console/assets/kit/api.js';
import { nextWait } from '../../../functions/console/assets/kit/live.js';
import { session as shared } from '../../../functions/console/assets/kit/session.js';

const fetched = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = fetched;
  shared.account = null;
});

/**
 * Answers all requests alike, and records them.
 * @param {number} status
 * @param {any} body
 * @param {Record<string, string>} [headers]
 */
function answer(status, body, headers = {}) {
  /** @type {{url: string, init: any}[]} */
  const calls = [];
  globalThis.fetch = async (url, init) => {
    calls.push({ url: String(url), init });
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
  };
  return calls;
}

/** @param {Partial<{key: string | null, tenant: string | null, isDeployer: boolean}>} [session] */
function client(session = {}) {
  /** @type {ApiError[]} */
  const ended = [];
  const full = { key: 'mq_secret', tenant: null, isDeployer: false, ...session };
  return { ended, session: full, api: createApi({ session: full, onUnauthorized: (error) => ended.push(error) }) };
}

/** @param {Promise<unknown>} work @returns {Promise<ApiError>} */
const refusal = (work) =>
  work.then(
    () => assert.fail('it has no error'),
    (error) => error,
  );

test('the key is in a header, and in no address', async () => {
  const calls = answer(200, { object: 'list' });
  await client().api.get('/emails', { status: 'failed', to: '' });
  assert.equal(calls[0]?.url, '/emails?status=failed');
  assert.equal(calls[0]?.init.headers.authorization, 'Bearer mq_secret');
  assert.equal(calls[0]?.init.credentials, 'omit');
});

test('the tenant is named where the API knows the header', async () => {
  const { api } = client({ isDeployer: true, tenant: 'acme' });
  const tenants = ['/queues', '/emails/1', '/account', '/api-keys', '/api-keys/1', '/tenants', '/tenants/acme'].map(
    (path) => api.call('GET', path).tenant,
  );
  assert.deepEqual(tenants, ['acme', 'acme', 'acme', null, null, null, null]);
  assert.equal(client({ tenant: 'acme' }).api.call('GET', '/queues').tenant, null);
});

test('an error has its name, its field and its wait', async () => {
  const body = { statusCode: 422, name: 'validation_error', message: 'to[3].name: must not be empty' };
  answer(422, body, { 'retry-after': '7' });
  const error = await refusal(client().api.post('/emails', {}));
  assert.ok(error instanceof ApiError);
  assert.deepEqual(
    [error.status, error.name_, error.field, error.retryAfter, error.isMissing],
    [422, 'validation_error', 'to[3].name', 7, false],
  );
});

test('a message without a field names none', () => {
  for (const message of ['Not found.', 'The queue is paused: see /queues.', '', 'https://example.com is wrong']) {
    assert.equal(new ApiError({ status: 409, message }).field, '', message);
  }
});

test('an answer that is no JSON is an error with its status', async () => {
  answer(502, '<html>Bad gateway</html>');
  const error = await refusal(client().api.get('/queues'));
  assert.deepEqual([error.status, error.message], [502, 'The API answered 502.']);
});

test('a request without an answer says so', async () => {
  globalThis.fetch = async () => {
    throw new TypeError('Failed to fetch');
  };
  const error = await refusal(client().api.get('/queues'));
  assert.equal(error.status, 0);
  assert.match(error.message, /gave no answer/);
});

test('only a refused key ends the session', async () => {
  const { api, ended } = client();
  answer(401, { statusCode: 401, name: 'restricted_api_key', message: 'This API key may only read.' });
  await refusal(api.get('/webhooks'));
  assert.equal(ended.length, 0);
  answer(403, { statusCode: 403, name: 'invalid_api_key', message: 'Authorization: this API key is revoked.' });
  await refusal(api.get('/webhooks'));
  assert.equal(ended.length, 1);
});

test('a late refusal of an earlier key does not end the session', async () => {
  const { api, ended, session } = client();
  answer(403, { statusCode: 403, name: 'invalid_api_key', message: 'Authorization: this API key is revoked.' });
  const late = refusal(api.get('/queues'));
  session.key = 'mq_other';
  await late;
  assert.equal(ended.length, 0);
});

test('an error doubles the wait up to five minutes, and a 429 names the least wait', () => {
  const limited = new ApiError({ status: 429, retryAfter: 40 });
  const failed = new ApiError({ status: 500 });
  assert.deepEqual(nextWait(failed, 5), { wait: 10, isLimited: false });
  assert.deepEqual(nextWait(failed, 200), { wait: 300, isLimited: false });
  assert.deepEqual(nextWait(limited, 5), { wait: 40, isLimited: true });
  assert.deepEqual(nextWait(limited, 40), { wait: 80, isLimited: true });
  assert.deepEqual(nextWait(new ApiError({ status: 429, retryAfter: 900 }), 300), { wait: 900, isLimited: true });
});

test('each permission offers the actions that the API allows', () => {
  /** @type {import('../../../functions/console/assets/kit/session.js').Action[]} */
  const actions = [
    'read_content',
    'operate',
    'command',
    'send',
    'keys',
    'tenants',
    'webhooks',
    'register_domain',
    'domains',
    'suppressions',
    'account',
  ];
  const offered = (/** @type {string} */ permission, /** @type {string[] | null} */ domains = null) => {
    shared.account = { key: { permission, from_domains: domains } };
    return actions.filter((action) => shared.may(action));
  };
  const ofTenants = actions.filter((action) => action !== 'tenants' && action !== 'account');
  assert.deepEqual(offered('full_access'), ofTenants);
  assert.deepEqual(
    offered('full_access', ['a.example']),
    ofTenants.filter((action) => action !== 'webhooks'),
  );
  assert.deepEqual(offered('read_access'), ['read_content']);
  assert.deepEqual(offered('sending_access'), ['send']);
  assert.deepEqual(offered('deployer'), ['operate', 'keys', 'tenants', 'register_domain', 'account']);
  shared.account = null;
  assert.deepEqual(
    actions.filter((action) => shared.may(action)),
    [],
  );
});
