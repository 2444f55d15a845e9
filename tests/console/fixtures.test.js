// The invented answers and the mock are as strict as the API.

import assert from 'node:assert/strict';
import test from 'node:test';
import { errors, list, queue, uuid } from './support/answers.js';
import { defaults } from './support/defaults.js';
import { startMock } from './support/mock.js';
import { allOperations, answerFaults, operationOf, successOf } from './support/openapi.js';

/** @type {import('./support/mock.js').KeyName[]} */
const KEYS = ['full_access', 'read_access', 'sending_access', 'deployer'];

for (const key of KEYS) {
  test(`every default answer to a ${key} key is the API's`, () => {
    for (const [name, answer] of Object.entries(defaults(key))) {
      const [method = '', path = ''] = name.split(' ');
      const operation = operationOf(method, path.replace(/\{\w+\}/g, 'x'));
      assert.ok(operation, `openapi.json has no ${name}`);
      const call = { method, path: path.replace(/\{\w+\}/g, uuid()), query: {}, body: bodyOf(name), headers: {} };
      const body = typeof answer === 'function' ? answer(call) : answer;
      assert.deepEqual(answerFaults(operation, successOf(operation), body), [], name);
    }
  });
}

/** The fields that some answers repeat. @param {string} name */
function bodyOf(name) {
  if (name === 'POST /tenants') return { name: 'shop', from_domains: ['mailqueue.example'] };
  return name.startsWith('POST') ? { name: 'x' } : undefined;
}

test('every operation of openapi.json has a default answer', () => {
  const unused = [
    '/openapi.json',
    '/metrics',
    '/attachments',
    '/previews/{token}',
    '/emails/batch',
    '/emails/cancel',
    '/emails/release',
  ];
  const left = [...unused, '/suppressions/batch/add', '/suppressions/batch/remove'];
  const known = Object.keys(defaults('full_access'));
  const missing = allOperations()
    .filter(({ template }) => !left.includes(template))
    .map(({ method, template }) => `${method} ${template}`)
    .filter((name) => !known.includes(name));
  assert.deepEqual(missing, []);
});

test('the mock refuses unknown routes, keys, parameters and fields', async () => {
  const mock = await startMock({ key: 'full_access', token: 'good', answers: {} });
  const ask = async (
    /** @type {string} */ method,
    /** @type {string} */ path,
    /** @type {unknown} */ body,
    key = 'good',
  ) => {
    const headers = { authorization: `Bearer ${key}` };
    const sent = body === undefined ? null : JSON.stringify(body);
    const answer = await fetch(mock.base + path, { method, headers, body: sent });
    return [answer.status, (await answer.json()).name];
  };
  assert.deepEqual(await ask('GET', '/nothing', undefined), [404, 'not_found']);
  assert.deepEqual(await ask('PUT', '/queues', undefined), [405, 'method_not_allowed']);
  assert.deepEqual(await ask('GET', '/queues', undefined, 'bad'), [403, 'invalid_api_key']);
  assert.deepEqual(mock.faults, []);
  assert.deepEqual(await ask('GET', '/queues?page=2', undefined), [422, 'validation_error']);
  assert.deepEqual(await ask('POST', '/queues/default/pause', { why: 'x' }), [422, 'validation_error']);
  assert.equal(mock.faults.length, 2);
  await mock.stop();
});

test('the mock reports an answer that the API cannot give', async () => {
  const answers = {
    'GET /queues': list([queue({ colour: 'red' })]),
    'GET /emails/:id': { status: 200, body: { id: 'x' } },
    'GET /nothing': {},
  };
  const mock = await startMock({ key: 'read_access', token: 'good', answers });
  const headers = { authorization: 'Bearer good' };
  await fetch(`${mock.base}/queues`, { headers });
  await fetch(`${mock.base}/emails/x`, { headers });
  mock.answer('GET /failures', errors.tooMany(7));
  const limited = await fetch(`${mock.base}/failures`, { headers });
  assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '7']);
  const changing = await fetch(`${mock.base}/queues/default/resume`, { method: 'POST', headers });
  assert.equal(changing.status, 401);
  const [unknown = '', colour = '', id = ''] = mock.faults;
  assert.match(unknown, /no operation GET \/nothing/);
  assert.match(colour, /colour/);
  assert.match(id, /GET \/emails\/\{id\}/);
  await mock.stop();
});
