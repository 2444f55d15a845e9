// Every action for suppressions, domains, webhooks, keys and tenants, done once in the browser and checked by the API.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  act,
  client,
  DEPLOYER_KEY,
  deployer,
  eventually,
  newEmail,
  newTenant,
  openOnStack,
  request,
  URL_OF_API,
  unique,
} from '../support/stack.js';

// A tenant can be deleted after a suspension of more than 60 seconds, which pass during the other tests.
const old = await newTenant('old');
await deployer.patch(`/tenants/${old.name}`, { suspended: true });
const OLD_ENOUGH = Date.now() + 62_000;

/** @param {string} key @param {string} path */
const statusOf = async (key, path) => (await request('GET', URL_OF_API + path, { key })).status;

test('addresses are suppressed and released', async () => {
  const tenant = await newTenant();
  const { page, close } = await openOnStack(tenant.key, '#/suppressions');
  const fields = { 'Addresses, one per line': 'one@customer.example\ntwo@customer.example' };
  await act(page, 'Add addresses', { fields, submit: 'Suppress' });
  const row = page.locator('main tbody tr', { hasText: 'one@customer.example' });
  await row.waitFor();
  assert.equal(await statusOf(tenant.key, '/suppressions/two%40customer.example'), 200);
  await act(page, 'Release', { within: row });
  await row.waitFor({ state: 'detached' });
  assert.equal(await statusOf(tenant.key, '/suppressions/one%40customer.example'), 404);
  await page.getByRole('button', { name: 'Undo' }).click();
  await row.waitFor();
  assert.equal(await statusOf(tenant.key, '/suppressions/one%40customer.example'), 200);
  await close();
});

test('a domain is added, checked, and deleted', async () => {
  const tenant = await newTenant();
  const name = `${unique('mail')}.example`;
  await deployer.patch(`/tenants/${tenant.name}`, { from_domains: ['mailqueue.example', name] });
  const { page, close } = await openOnStack(tenant.key, '#/domains');
  await act(page, 'Add a domain', { fields: { Domain: name }, submit: 'Add the domain' });
  await page.locator('main h1', { hasText: name }).waitFor();
  await page.locator('main').getByText('CNAME').first().waitFor();
  await act(page, 'Check now');
  const { data } = await tenant.get('/domains');
  assert.deepEqual(
    data.map((/** @type {{name: string}} */ one) => one.name),
    [name],
  );
  await act(page, 'Delete', { typed: name, submit: 'Delete the domain' });
  await page.locator('main h1', { hasText: 'Domains' }).waitFor();
  assert.deepEqual((await tenant.get('/domains')).data, []);
  await close();
});

test('a webhook is created, tested, replayed, recovered, changed and deleted', async () => {
  let received = 0;
  const receiver = createServer((_, response) => {
    received += 1;
    response.end('ok');
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const endpoint = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (receiver.address()).port}/hook`;
  const tenant = await newTenant();
  const { page, go, close } = await openOnStack(tenant.key, '#/webhooks');
  await act(page, 'New webhook', { fields: { Endpoint: endpoint }, submit: 'Create' });
  const [{ id }] = (await tenant.get('/webhooks')).data;
  const webhook = () => tenant.get(`/webhooks/${id}`);
  await go(`#/webhooks/${id}`);
  await page.locator('main h1').waitFor();
  await act(page, 'Send a test event', { submit: 'Send' });
  await eventually('the test event', async () => received > 0);
  const event = page.locator('main tbody tr').first();
  await event.waitFor();
  const before = received;
  await act(page, 'Replay', { within: event, submit: 'Replay' });
  await eventually('the replayed event', async () => received > before);
  const since = new Date(Date.now() - 2 * 3600_000).toISOString().slice(0, 16);
  await act(page, 'Recover events', { fields: { From: since }, submit: 'Recover' });
  await act(page, 'Disable', { submit: 'Disable' });
  assert.equal((await webhook()).status, 'disabled');
  await act(page, 'Enable');
  await eventually('the enabled webhook', async () => (await webhook()).status === 'enabled');
  await act(page, 'Change', { fields: { 'email.opened': true }, submit: 'Change' });
  assert.ok((await webhook()).events.includes('email.opened'));
  const { signing_secret: secret } = await webhook();
  await act(page, 'Rotate the secret', { submit: 'Rotate' });
  assert.notEqual((await webhook()).signing_secret, secret);
  await act(page, 'Delete', { typed: endpoint, submit: 'Delete' });
  assert.equal(await statusOf(tenant.key, `/webhooks/${id}`), 404);
  receiver.close();
  await close();
});

test('an API key is created, changed and revoked', async () => {
  const tenant = await newTenant();
  const { page, close } = await openOnStack(tenant.key, '#/keys');
  await act(page, 'Create an API key', {
    fields: { Name: 'newsletter', Permission: 'read_access' },
    submit: 'Create the key',
  });
  const find = async (/** @type {string} */ name) =>
    (await tenant.get('/api-keys')).data.find((/** @type {{name: string}} */ key) => key.name === name);
  assert.equal((await find('newsletter')).permission, 'read_access');
  const row = page.locator('main tbody tr', { hasText: 'newsletter' });
  await act(page, 'Change', { within: row, fields: { Name: 'letters' }, submit: 'Save' });
  assert.ok(await find('letters'));
  const renamed = page.locator('main tbody tr', { hasText: 'letters' });
  await act(page, 'Revoke', { within: renamed, typed: 'letters', submit: 'Revoke the key' });
  assert.equal(await find('letters'), undefined);
  await close();
});

test('the emails of a revoked key are held, then released', async () => {
  const tenant = await newTenant();
  const { token, id: keyId } = await tenant.post('/api-keys', { name: 'leaked', permission: 'full_access' });
  const { id } = await client(token).post('/emails', newEmail({ scheduled_at: 'in 1 hour' }));
  const { page, close } = await openOnStack(tenant.key, '#/keys');
  const row = page.locator('main tbody tr', { hasText: 'leaked' });
  const fields = { 'Hold the waiting emails of the revoked keys': true };
  await act(page, 'Revoke', { within: row, fields, typed: 'leaked', submit: 'Revoke the key' });
  const held = page.getByRole('region', { name: 'Held emails' });
  await held.getByText(keyId).waitFor();
  await act(page, 'Release', { within: held, submit: 'Release the emails' });
  await held.waitFor({ state: 'detached' });
  assert.equal((await tenant.get(`/emails/${id}`)).status, 'scheduled');
  await close();
});

test('a one-time code signs in once', async () => {
  const tenant = await newTenant();
  const { code } = await tenant.post('/console-codes');
  const fragment = `#code=${encodeURIComponent(code)}`;
  const { page, close } = await openOnStack(null, fragment);
  await page.locator('main h1', { hasText: 'Now' }).waitFor();
  assert.equal(new URL(page.url()).hash, '#/now');
  await close();
  const again = await openOnStack(null, fragment, { expected: [/404/] });
  await again.page.getByRole('alert').getByText('The one-time code is used already').waitFor();
  assert.equal(new URL(again.page.url()).hash, '#/now');
  await again.close();
});

test('the deployer creates, changes and suspends a tenant', async () => {
  const name = unique('made');
  const { page, close } = await openOnStack(DEPLOYER_KEY, '#/tenants');
  const domains = { 'From domains, one per line': 'mailqueue.example' };
  await act(page, 'Create a tenant', { fields: { Name: name, ...domains }, submit: 'Create the tenant' });
  const row = page.locator('main tbody tr', { hasText: name });
  await act(page, 'Change', { within: row, fields: { 'Recipients per day': '500' }, submit: 'Save' });
  assert.equal((await deployer.get(`/tenants/${name}`)).daily_cap, 500);
  await act(page, 'Suspend', { within: row, submit: 'Suspend the tenant' });
  assert.equal((await deployer.get(`/tenants/${name}`)).suspended, true);
  await act(page, 'End the suspension', { within: row });
  await eventually('the end of the suspension', async () => !(await deployer.get(`/tenants/${name}`)).suspended);
  await close();
});

test('the API says why it refuses to delete a tenant', async () => {
  const { name } = await newTenant();
  await deployer.patch(`/tenants/${name}`, { suspended: true });
  const { page, close } = await openOnStack(DEPLOYER_KEY, '#/tenants');
  const row = page.locator('main tbody tr', { hasText: name });
  await row.getByRole('button', { name: 'Delete', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(/^Type /).fill(name);
  await dialog.getByRole('button', { name: 'Delete the tenant' }).click();
  // The suspension is too young: the page shows the API's reason.
  await dialog
    .getByRole('alert')
    .getByText(/60 seconds|suspen/)
    .first()
    .waitFor();
  assert.equal(await statusOf(DEPLOYER_KEY, `/tenants/${name}`), 200);
  await close();
});

test('the deployer deletes a tenant that has been suspended for a minute', async () => {
  await sleep(Math.max(0, OLD_ENOUGH - Date.now()));
  const { page, close } = await openOnStack(DEPLOYER_KEY, '#/tenants');
  const row = page.locator('main tbody tr', { hasText: old.name });
  await act(page, 'Delete', { within: row, typed: old.name, submit: 'Delete the tenant' });
  await row.waitFor({ state: 'detached' });
  assert.equal(await statusOf(DEPLOYER_KEY, `/tenants/${old.name}`), 404);
  await close();
});
