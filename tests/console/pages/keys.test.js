// The page Keys: the list, the creation that shows a key once, changes, revocations, and the keys that are held.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { account, accountKey, apiKey, at, errors, list, queue, uuid } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

const PATH = '#/keys';

const KEYS = list([
  apiKey(),
  apiKey({
    id: uuid(40),
    name: 'console',
    permission: 'full_access',
    from_domains: ['shop.example', '*.shop.example'],
    created_by: uuid(20),
    expires_at: at(43_200),
    last_used_at: null,
  }),
]);

const TOKEN = 'mq_00000000000000000000000000000000_0123456789';

/** @param {import('playwright-core').Page} page @param {string} name */
const row = (page, name) => page.locator('tbody tr', { hasText: name });

/** @param {import('playwright-core').Page} page @param {string} text */
const says = (page, text) => page.getByText(text).first().waitFor();

/** @param {import('playwright-core').Locator} element */
const textOf = async (element) => (await element.textContent()) ?? '';

test('the list shows the limits of each key', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /api-keys': KEYS } });
  await page.locator('tbody tr').nth(1).waitFor();
  assert.match(await textOf(page.locator('tbody tr').nth(0)), /shopsendingall1 hour agonever.*by deployer/);
  assert.match(
    await textOf(page.locator('tbody tr').nth(1)),
    /console this sessionfullshop\.example, \*\.shop\.examplenever/,
  );
  assert.deepEqual(api.callsOf('GET /api-keys')[0]?.query, { limit: '25' });
  await assertAccessible(page);
  await close();
});

test('the server pages the list', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: {
      'GET /api-keys': ({ query }) =>
        query['after'] ? list([apiKey({ id: uuid(25), name: 'old' })]) : list([apiKey()], { has_more: true }),
    },
  });
  await page.getByRole('button', { name: 'Next' }).click();
  await row(page, 'old').waitFor();
  assert.equal(api.callsOf('GET /api-keys').at(-1)?.query['after'], uuid(20));
  await close();
});

test('a new key is shown until it is stored', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: { 'GET /api-keys': KEYS, 'POST /api-keys': { id: uuid(21), token: TOKEN } },
  });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: api.base });
  await row(page, 'console').waitFor();
  await tabTo(page, 'Create an API key');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('news');
  await dialog.getByLabel('From domains').fill('news.example\n*.news.example');
  await dialog.getByLabel('Expires at').fill('2027-01-31T12:00:00');
  assert.match(await textOf(dialog.locator('pre')), /"from_domains":\["news\.example","\*\.news\.example"\]/);
  await tabTo(page, 'Create the key');
  await page.keyboard.press('Enter');
  const card = page.getByRole('region', { name: 'New API key' });
  await card.getByText(TOKEN).waitFor();
  await card.getByRole('button', { name: 'Copy the key' }).click();
  await card.getByText('Copied').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), TOKEN);
  await page.keyboard.press('Escape');
  await assertAccessible(page);
  await card.getByRole('button', { name: 'I have stored it' }).click();
  await card.waitFor({ state: 'detached' });
  assert.ok(!(await page.content()).includes(TOKEN));
  assert.deepEqual(api.callsOf('POST /api-keys')[0]?.body, {
    name: 'news',
    permission: 'sending_access',
    from_domains: ['news.example', '*.news.example'],
    expires_at: '2027-01-31T11:00:00.000Z',
  });
  await close();
});

test('the deployer creates a key for the chosen tenant', async () => {
  const { page, api, close } = await openConsole({ path: PATH, key: 'deployer' });
  await says(page, 'Keys of the tenant main.');
  assert.deepEqual(api.callsOf('GET /api-keys')[0]?.query, { limit: '25', tenant: 'main' });
  assert.equal(api.callsOf('GET /api-keys')[0]?.headers['x-mailqueue-tenant'], undefined);
  await page.getByRole('button', { name: 'Create an API key' }).click();
  await page.getByLabel('Name').fill('first');
  await page.getByLabel('Permission').selectOption('full_access');
  await page.getByRole('button', { name: 'Create the key' }).click();
  await says(page, 'Store this key now');
  assert.deepEqual(api.callsOf('POST /api-keys')[0]?.body, {
    name: 'first',
    permission: 'full_access',
    tenant: 'main',
  });
  await close();
});

test('a change sends only the differences', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /api-keys': KEYS } });
  await row(page, 'console').getByRole('button', { name: 'Change' }).click();
  await page.getByLabel('Name').fill('laptop');
  await page.getByRole('button', { name: 'Save' }).click();
  await says(page, 'The key is changed.');
  assert.deepEqual(api.callsOf('PATCH /api-keys/:id')[0]?.body, { name: 'laptop' });
  await close();
});

test('removed domains are held on demand', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: {
      'GET /api-keys': KEYS,
      'PATCH /api-keys/:id': {
        object: 'api_key',
        id: uuid(40),
        hold: { keys: [uuid(40)], emails: 1234, counted_all: false, repeat_at: null },
      },
    },
  });
  await row(page, 'console').getByRole('button', { name: 'Change' }).click();
  await page.getByLabel('From domains').fill('shop.example');
  await page.getByLabel('Hold the waiting emails').check();
  await page.getByRole('button', { name: 'Save' }).click();
  await says(page, 'At least 1,234 waiting emails are held.');
  const call = api.callsOf('PATCH /api-keys/:id')[0];
  assert.deepEqual([call?.query, call?.body], [{ hold: 'true' }, { from_domains: ['shop.example'] }]);
  await close();
});

test('a revocation needs the name, and holds on demand', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: {
      'GET /api-keys': KEYS,
      'DELETE /api-keys/:id': {
        object: 'api_key',
        id: uuid(20),
        deleted: true,
        hold: { keys: [uuid(20), uuid(22)], emails: 3, counted_all: true, repeat_at: at(60) },
      },
    },
  });
  await row(page, 'deployer').getByRole('button', { name: 'Revoke' }).click();
  const dialog = page.getByRole('dialog');
  const revoke = dialog.getByRole('button', { name: 'Revoke the key' });
  assert.ok(await revoke.isDisabled());
  await dialog.getByLabel('Type shop to confirm').fill('shop');
  await dialog.getByLabel('Also revoke every key').check();
  await dialog.getByLabel('Hold the waiting emails').check();
  await revoke.click();
  await says(page, '3 waiting emails are held.');
  await says(page, 'Repeat this at');
  const link = dialog.getByRole('link', { name: `Emails of ${uuid(22)}` });
  assert.equal(await link.getAttribute('href'), `#/emails?key=${uuid(22)}`);
  const call = api.callsOf('DELETE /api-keys/:id')[0];
  assert.deepEqual([call?.path, call?.query], [`/api-keys/${uuid(20)}`, { children: 'true', hold: 'true' }]);
  await close();
});

test('revoking the key of the session ends the session', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /api-keys': KEYS } });
  await row(page, 'this session').getByRole('button', { name: 'Revoke' }).click();
  await says(page, 'this console then signs out');
  await page.getByLabel('Type console to confirm').fill('console');
  api.answer('DELETE /api-keys/:id', () => {
    api.revoke();
    return { object: 'api_key', id: uuid(40), deleted: true };
  });
  await page.getByRole('button', { name: 'Revoke the key' }).click();
  await says(page, 'You are signed out.');
  await close();
});

test('a held key is released', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: {
      'GET /api-keys': KEYS,
      'GET /queues/:name': queue({ held_keys: [uuid(99)] }),
      'POST /emails/release': {
        object: 'release',
        key: uuid(99),
        released: true,
        emails: 3,
        counted_all: true,
        job: uuid(80),
      },
    },
  });
  const held = page.getByRole('region', { name: 'Held emails' });
  await held.getByText(uuid(99)).waitFor();
  api.answer('GET /queues/:name', queue());
  await held.getByRole('button', { name: 'Release' }).click();
  await page.getByRole('button', { name: 'Release the emails' }).click();
  await held.waitFor({ state: 'detached' });
  assert.deepEqual(api.callsOf('POST /emails/release')[0]?.query, { key: uuid(99) });
  await close();
});

test('the deployer sees held keys, and cannot release them', async () => {
  const { page, close } = await openConsole({
    path: PATH,
    key: 'deployer',
    answers: { 'GET /queues/:name': queue({ held_keys: [uuid(99)] }) },
  });
  await says(page, 'A release sends emails');
  assert.equal(await page.getByRole('button', { name: 'Release' }).count(), 0);
  await close();
});

test('a key with From domains holds nothing', async () => {
  const key = /** @type {any} */ (accountKey({ from_domains: ['shop.example'] }));
  const { page, close } = await openConsole({ path: PATH, answers: { 'GET /account': account({ key }) } });
  await row(page, 'shop').getByRole('button', { name: 'Revoke' }).click();
  await page.getByLabel('Also revoke every key').waitFor();
  assert.equal(await page.getByLabel('Hold the waiting emails').count(), 0);
  await close();
});

test('a refused name is shown beside its field', async () => {
  const { page, close } = await openConsole({
    path: PATH,
    answers: { 'POST /api-keys': errors.invalid('from_domains[0]', 'must be a domain such as example.com') },
  });
  await page.getByRole('button', { name: 'Create an API key' }).click();
  await page.getByLabel('Name').fill('news');
  await page.getByLabel('From domains').fill('nowhere');
  await page.getByRole('button', { name: 'Create the key' }).click();
  await page.locator('.field').getByText('must be a domain such as example.com').waitFor();
  await close();
});

test('an empty list says what to do', async () => {
  const { page, close } = await openConsole({ path: PATH, answers: { 'GET /api-keys': list() } });
  await says(page, 'No API keys');
  await close();
});

test('a key for reading sees no keys, and asks for none', async () => {
  const { page, api, close } = await openConsole({ path: PATH, key: 'read_access' });
  await says(page, 'This key sees no API keys');
  assert.equal(await page.getByRole('button', { name: 'Create an API key' }).count(), 0);
  assert.equal(api.callsOf('GET /api-keys').length, 0);
  await close();
});

for (const answer of [errors.tooMany(30), errors.failed()]) {
  test(`an error says what to do: ${answer.status}`, async () => {
    const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /api-keys': answer } });
    await page.locator('.problem', { hasText: answer.body.message }).first().waitFor();
    api.answer('GET /api-keys', KEYS);
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await row(page, 'console').waitFor();
    await close();
  });
}

test('a key that is gone says what to do', async () => {
  const { page, close } = await openConsole({
    path: PATH,
    answers: { 'GET /api-keys': KEYS, 'PATCH /api-keys/:id': errors.missing() },
  });
  await row(page, 'console').getByRole('button', { name: 'Change' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('dialog .problem').getByText('It may be deleted').waitFor();
  await close();
});

test('the list fits a narrow screen', async () => {
  const long = apiKey({ name: 'n'.repeat(50), from_domains: [`${'a'.repeat(60)}.example`] });
  const { page, close } = await openConsole({
    path: PATH,
    width: 360,
    answers: { 'GET /api-keys': list([long]), 'GET /queues/:name': queue({ held_keys: [uuid(99)] }) },
  });
  await page.locator('tbody tr').first().waitFor();
  await page.getByText(uuid(99)).waitFor();
  await assertNoSideScroll(page);
  await close();
});
