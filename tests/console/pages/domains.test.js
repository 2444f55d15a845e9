// The page Domains: the list, and the registration of a domain.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domain, domainRecord, domainSummary, errors, list, uuid } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

const PATH = '#/domains';

const HINT = 'Amazon SES no longer sends for this domain. Emails from it are accepted and wait.';
const DOMAINS = list([
  domainSummary(),
  domainSummary({ id: uuid(61), name: 'shop.example', verified: 'lost', hint: HINT }),
  domainSummary({ id: uuid(62), name: 'news.example', verified: 'now', status: 'verified' }),
]);

/** The answer of a registration has no state in DNS. */
const REGISTERED = domain({
  id: uuid(63),
  name: 'new.example',
  records: [domainRecord({ status: 'not_started', dns: undefined })],
  dmarc: domainRecord({ record: 'DMARC', type: 'TXT', value: 'v=DMARC1; p=none;', dns: undefined }),
});

/** @param {import('playwright-core').Page} page @param {string} name */
const row = (page, name) => page.locator('tbody tr', { hasText: name });

/** @param {import('playwright-core').Locator} element */
const textOf = async (element) => (await element.textContent()) ?? '';

test('the list shows whether Amazon SES sends', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /domains': DOMAINS } });
  await row(page, 'news.example').waitFor();
  assert.match(await textOf(row(page, 'mail.shop.example')), /not yet[\s\S]*pending/);
  assert.match(await textOf(page.locator('tbody tr').nth(1)), /lost, emails wait[\s\S]*are accepted and wait/);
  assert.match(await textOf(row(page, 'news.example')), /sends[\s\S]*verified/);
  assert.deepEqual(api.callsOf('GET /domains')[0]?.query, { limit: '25' });
  await assertAccessible(page);
  await page.getByRole('link', { name: 'mail.shop.example' }).click();
  await page.getByRole('heading', { level: 1, name: 'mail.shop.example' }).waitFor();
  assert.equal(api.callsOf('GET /domains/:d')[0]?.path, `/domains/${uuid(60)}`);
  await close();
});

test('the server pages the list', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: {
      'GET /domains': ({ query }) =>
        query['after']
          ? list([domainSummary({ id: uuid(61), name: 'old.example' })])
          : list([domainSummary()], { has_more: true }),
    },
  });
  await page.getByRole('button', { name: 'Next' }).click();
  await row(page, 'old.example').waitFor();
  assert.equal(api.callsOf('GET /domains').at(-1)?.query['after'], uuid(60));
  await close();
});

test('a registration shows its records without a look at DNS', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: { 'GET /domains': DOMAINS, 'POST /domains': REGISTERED },
  });
  await row(page, 'news.example').waitFor();
  await tabTo(page, 'Add a domain');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Domain', { exact: true }).fill('new.example');
  assert.match(await textOf(dialog.locator('pre')), /curl -X POST .*domains/);
  assert.equal(await dialog.getByLabel('Adopt').count(), 0);
  await tabTo(page, 'Add the domain');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'new.example' }).waitFor();
  await page.getByText('not looked up yet').first().waitFor();
  assert.deepEqual(api.callsOf('POST /domains')[0]?.body, { name: 'new.example' });
  assert.equal(api.callsOf('GET /domains/:d').length, 0);
  await page.getByRole('button', { name: 'Check now' }).click();
  await page.getByText('missing').first().waitFor();
  assert.equal(api.callsOf('GET /domains/:d').length, 1);
  await close();
});

test('a refused name is shown beside its field', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: { 'POST /domains': errors.conflict('name: this domain is registered already') },
  });
  await page.getByRole('button', { name: 'Add a domain' }).click();
  await page.getByLabel('Domain', { exact: true }).fill('shop.example');
  await page.getByLabel('First label of the MAIL FROM domain').fill('bounce');
  await page.getByRole('button', { name: 'Add the domain' }).click();
  await page.locator('.field').getByText('this domain is registered already').waitFor();
  assert.deepEqual(api.callsOf('POST /domains')[0]?.body, { name: 'shop.example', custom_return_path: 'bounce' });
  await close();
});

test('the deployer adopts an identity for the chosen tenant', async () => {
  const { page, api, close } = await openConsole({ path: PATH, key: 'deployer' });
  await page.getByText('Domains of the tenant main.').waitFor();
  await page.getByRole('button', { name: 'Add a domain' }).click();
  await page.getByLabel('Domain', { exact: true }).fill('shop.example');
  await page.getByLabel('Adopt an existing identity').check();
  await page.getByRole('button', { name: 'Add the domain' }).click();
  await page.getByRole('heading', { level: 1, name: 'shop.example' }).waitFor();
  const call = api.callsOf('POST /domains')[0];
  assert.deepEqual(call?.body, { name: 'shop.example', adopt: true });
  assert.equal(call?.headers['x-mailqueue-tenant'], 'main');
  await close();
});

test('an empty list teaches the call', async () => {
  const { page, close } = await openConsole({ path: PATH, answers: { 'GET /domains': list() } });
  await page.getByText('No domains yet').waitFor();
  assert.match(await textOf(page.locator('.empty pre')), /curl -X POST "\$MAILQUEUE_URL\/domains"/);
  await close();
});

test('a key for reading adds nothing', async () => {
  const { page, close } = await openConsole({ path: PATH, key: 'read_access', answers: { 'GET /domains': list() } });
  await page.getByText('A key with full access adds one.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Add a domain' }).count(), 0);
  await close();
});

for (const answer of [errors.tooMany(30), errors.failed(), errors.missing()]) {
  test(`an error says what to do: ${answer.status}`, async () => {
    const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /domains': answer } });
    await page.locator('.problem', { hasText: answer.body.message }).first().waitFor();
    api.answer('GET /domains', DOMAINS);
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await row(page, 'news.example').waitFor();
    await close();
  });
}

test('the list fits a narrow screen', async () => {
  const long = domainSummary({ name: `${'a'.repeat(60)}.${'b'.repeat(60)}.example`, hint: HINT, verified: 'lost' });
  const { page, close } = await openConsole({ path: PATH, width: 360, answers: { 'GET /domains': list([long]) } });
  await row(page, 'aaaa').waitFor();
  await assertNoSideScroll(page);
  await close();
});
