// The page Tenants: the list with limits, the actions, and the usage of one tenant.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, errors, list, queueCounts, tenant } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

/** @type {{path: string, key: 'deployer'}} */
const OPEN = { path: '#/tenants', key: 'deployer' };

const TENANTS = list([
  tenant({ rate: 10, daily_cap: 50_000 }),
  tenant({ name: 'acme', suspended: true, suspended_at: at(-600) }),
  tenant({ name: 'main', from_domains: ['*'], created_at: null }),
]);

/** @param {import('playwright-core').Page} page @param {string} name */
const row = (page, name) => page.locator(`tr[data-row="${name}"]`);

/** @param {import('playwright-core').Page} page @param {string} text */
const says = (page, text) => page.getByText(text).first().waitFor();

/** @param {import('playwright-core').Locator} element */
const textOf = async (element) => (await element.textContent()) ?? '';

test('the list shows limits and suspensions', async () => {
  const { page, api, close } = await openConsole({ ...OPEN, answers: { 'GET /tenants': TENANTS } });
  await row(page, 'main').waitFor();
  assert.match(await textOf(row(page, 'shop')), /active.*50,000 recipients a day10 recipients a second/);
  assert.match(await textOf(row(page, 'acme')), /suspended 10 minutes ago.*none of its own/);
  assert.deepEqual(await row(page, 'main').getByRole('button').allTextContents(), ['Usage']);
  assert.equal(await row(page, 'shop').getByRole('button', { name: 'Delete' }).count(), 0);
  const calls = api.callsOf('GET /tenants');
  assert.ok(calls.every(({ headers }) => headers['x-mailqueue-tenant'] === undefined));
  await assertAccessible(page);
  await close();
});

test('a tenant is created by keyboard', async () => {
  const { page, api, close } = await openConsole({ ...OPEN, answers: { 'GET /tenants': TENANTS } });
  await row(page, 'main').waitFor();
  await tabTo(page, 'Create a tenant');
  await page.keyboard.press('Enter');
  await page.getByLabel('Name').fill('news');
  await page.getByLabel('From domains').fill('news.example');
  await page.getByLabel('Recipients per day').fill('1000');
  assert.match(await textOf(page.getByRole('dialog').locator('pre')), /"daily_cap":1000/);
  await tabTo(page, 'Create the tenant');
  await page.keyboard.press('Enter');
  await says(page, 'The tenant is created.');
  assert.deepEqual(api.callsOf('POST /tenants')[0]?.body, {
    name: 'news',
    from_domains: ['news.example'],
    daily_cap: 1000,
  });
  await close();
});

test('a name that was used before is refused', async () => {
  const message = 'A tenant with this name already exists.';
  const { page, close } = await openConsole({ ...OPEN, answers: { 'POST /tenants': errors.conflict(message) } });
  await page.getByRole('button', { name: 'Create a tenant' }).click();
  await page.getByLabel('Name').fill('shop');
  await page.getByLabel('From domains').fill('shop.example');
  await page.getByRole('button', { name: 'Create the tenant' }).click();
  await page.locator('dialog .problem').getByText(message).waitFor();
  await close();
});

test('a change sends only the differences', async () => {
  const { page, api, close } = await openConsole({ ...OPEN, answers: { 'GET /tenants': TENANTS } });
  await row(page, 'shop').getByRole('button', { name: 'Change' }).click();
  await page.getByLabel('Recipients per day').fill('');
  await page.getByLabel('Recipients per second').fill('20');
  await page.getByRole('button', { name: 'Save' }).click();
  await says(page, 'The tenant is changed.');
  assert.deepEqual(api.callsOf('PATCH /tenants/:name')[0]?.body, { daily_cap: null, rate: 20 });
  assert.deepEqual(api.callsOf('PATCH /tenants/:name')[0]?.query, {});
  await close();
});

test('removed domains are held and released on demand', async () => {
  const hold = { emails: 7, counted_all: true, repeat_at: at(60) };
  const { page, api, close } = await openConsole({
    ...OPEN,
    answers: { 'GET /tenants': TENANTS, 'PATCH /tenants/:name': { ...tenant(), hold } },
  });
  await row(page, 'shop').getByRole('button', { name: 'Change' }).click();
  await page.getByLabel('From domains').fill('shop.example');
  await page.getByLabel('Hold the waiting emails').check();
  await page.getByLabel('End earlier holds').check();
  await page.getByRole('button', { name: 'Save' }).click();
  await says(page, '7 waiting emails are held.');
  await says(page, 'Repeat this at');
  const call = api.callsOf('PATCH /tenants/:name')[0];
  assert.deepEqual(call?.query, { hold: 'true', release: 'true' });
  assert.deepEqual(call?.body, { from_domains: ['shop.example'] });
  await close();
});

test('a suspension asks, and can be undone', async () => {
  const { page, api, close } = await openConsole({ ...OPEN, answers: { 'GET /tenants': TENANTS } });
  await row(page, 'shop').getByRole('button', { name: 'Suspend' }).click();
  await says(page, 'Its API keys stop working within half a minute.');
  await page.getByRole('button', { name: 'Suspend the tenant' }).click();
  await says(page, 'The tenant is suspended.');
  await page.getByRole('button', { name: 'Undo' }).click();
  await says(page, 'Suspend: undone.');
  assert.deepEqual(
    api.callsOf('PATCH /tenants/:name').map(({ path, body }) => [path, body]),
    [
      ['/tenants/shop', { suspended: true }],
      ['/tenants/shop', { suspended: false }],
    ],
  );
  await close();
});

test('the buttons follow the state of a tenant', async () => {
  const { page, api, close } = await openConsole({ ...OPEN, answers: { 'GET /tenants': TENANTS } });
  const end = row(page, 'acme').getByRole('button', { name: 'End the suspension' });
  await end.waitFor();
  api.answer('GET /tenants', list([tenant({ name: 'acme' })]));
  await end.click();
  await row(page, 'acme').getByRole('button', { name: 'Suspend' }).waitFor();
  assert.deepEqual(api.callsOf('PATCH /tenants/:name')[0]?.body, { suspended: false });
  await close();
});

test('a deletion needs the name, and its refusal says why', async () => {
  const message = 'This tenant has unfinished emails: 3 queued.';
  const { page, api, close } = await openConsole({
    ...OPEN,
    answers: { 'GET /tenants': TENANTS, 'DELETE /tenants/:name': errors.conflict(message) },
  });
  await row(page, 'acme').getByRole('button', { name: 'Delete' }).click();
  const remove = page.getByRole('button', { name: 'Delete the tenant' });
  assert.ok(await remove.isDisabled());
  await page.getByLabel('Type acme to confirm').fill('acme');
  await remove.click();
  await page.locator('dialog .problem').getByText(message).waitFor();
  api.answer('DELETE /tenants/:name', { object: 'tenant', name: 'acme', deleted: true });
  api.answer('GET /tenants', list([tenant()]));
  await remove.click();
  await row(page, 'acme').waitFor({ state: 'detached' });
  assert.equal(api.callsOf('DELETE /tenants/:name').at(-1)?.path, '/tenants/acme');
  await close();
});

test('the usage of a tenant is read in its name', async () => {
  const { page, api, close } = await openConsole({ ...OPEN, answers: { 'GET /tenants': TENANTS } });
  await row(page, 'acme').getByRole('button', { name: 'Usage' }).click();
  const card = page.getByRole('region', { name: 'Usage of acme' });
  assert.match(await textOf(card), /accepted200200.*\$0\.02 \(estimate\)/);
  assert.match(await textOf(card), new RegExp(`queued${queueCounts().queued}`));
  assert.match(page.url(), /#\/tenants\?tenant=acme$/);
  const metrics = api.callsOf('GET /emails/metrics');
  assert.deepEqual(
    metrics.map(({ headers }) => headers['x-mailqueue-tenant']),
    ['acme', 'acme'],
  );
  const today = new Date().toISOString().slice(0, 10);
  assert.deepEqual(metrics.map(({ query }) => query['start_date']).sort(), [`${today.slice(0, 8)}01`, today]);
  assert.equal(api.callsOf('GET /account').at(-1)?.headers['x-mailqueue-tenant'], 'acme');
  await assertAccessible(page);
  await close();
});

test('a usage that fails says what to do', async () => {
  const { page, api, close } = await openConsole({
    ...OPEN,
    answers: { 'GET /tenants': TENANTS, 'GET /emails/metrics': errors.failed() },
  });
  await row(page, 'acme').getByRole('button', { name: 'Usage' }).click();
  await page.locator('.problem').getByText('An internal error occurred.').waitFor();
  api.answer('GET /emails/metrics', errors.missing());
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.problem').getByText('It may be deleted').waitFor();
  await close();
});

for (const key of /** @type {const} */ (['full_access', 'read_access'])) {
  test(`a tenant's key sees no tenants: ${key}`, async () => {
    const { page, api, close } = await openConsole({ path: OPEN.path, key });
    await says(page, 'This key sees no tenants');
    assert.equal(api.callsOf('GET /tenants').length, 0);
    await close();
  });
}

for (const answer of [errors.tooMany(30), errors.failed()]) {
  test(`an error says what to do: ${answer.status}`, async () => {
    const { page, api, close } = await openConsole({ ...OPEN, answers: { 'GET /tenants': answer } });
    await page.locator('.problem', { hasText: answer.body.message }).first().waitFor();
    api.answer('GET /tenants', TENANTS);
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await row(page, 'acme').waitFor();
    await close();
  });
}

test('an empty list says what to do', async () => {
  const { page, close } = await openConsole({ ...OPEN, answers: { 'GET /tenants': list() } });
  await says(page, 'No tenants');
  await close();
});

test('the list and the usage fit a narrow screen', async () => {
  const name = 't'.repeat(64);
  const long = tenant({ name, from_domains: [`${'a'.repeat(60)}.example`], rate: 100_000, daily_cap: 1_000_000_000 });
  const { page, close } = await openConsole({ ...OPEN, width: 360, answers: { 'GET /tenants': list([long]) } });
  await row(page, name).getByRole('button', { name: 'Usage' }).click();
  await page.getByRole('region', { name: 'Usage of' }).waitFor();
  await assertNoSideScroll(page);
  await close();
});
