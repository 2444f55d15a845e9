// The page of a domain: its records with the status of Amazon SES beside the state in DNS, and its actions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domain, domainRecord, domainSummary, errors, list, uuid } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

const PATH = `#/domains/${uuid(60)}`;

const PENDING = domain({
  records: [
    domainRecord({
      record: 'SPF',
      type: 'MX',
      name: 'send.mail',
      host: 'send.mail.shop.example',
      value: 'feedback-smtp.us-east-1.amazonses.com',
      priority: 10,
      status: 'verified',
      dns: { status: 'found', found: ['10 feedback-smtp.us-east-1.amazonses.com.'], hint: null },
    }),
    domainRecord({
      record: 'SPF',
      type: 'TXT',
      name: 'send.mail',
      host: 'send.mail.shop.example',
      value: 'v=spf1 include:amazonses.com ~all',
      dns: { status: 'different', found: ['v=spf1 include:other.example -all'], hint: 'Replace the other SPF record.' },
    }),
    domainRecord({ dns: { status: 'unknown', found: [], hint: null } }),
  ],
});

const VERIFIED = domain({
  status: 'verified',
  verified: 'now',
  records: [domainRecord({ status: 'verified', dns: { status: 'found', found: ['abc.dkim.amazonses.com.'] } })],
});

/** @param {import('playwright-core').Page} page @param {number} place */
const record = async (page, place) => (await page.locator('tbody tr').nth(place).textContent()) ?? '';

/** @param {import('playwright-core').Page} page */
const loaded = (page) => page.locator('tbody tr').first().waitFor();

test('each record shows Amazon SES beside DNS', async () => {
  const { page, close } = await openConsole({ path: PATH, answers: { 'GET /domains/:d': PENDING } });
  await loaded(page);
  assert.match(await record(page, 0), /SPF.*MX.*send\.mail.*feedback-smtp.*Priority 10.*verified.*found/);
  assert.match(
    await record(page, 1),
    /TXT.*pending.*different.*Found instead:v=spf1 include:other\.example -all.*Replace the other SPF record/,
  );
  assert.match(await record(page, 2), /DKIM.*CNAME.*pending.*unknown/);
  assert.match(await record(page, 3), /DMARC.*does not check it.*missing/);
  await page.getByText('Large mailbox providers expect a DMARC record.').waitFor();
  await assertAccessible(page);
  await close();
});

test('each value and the zone file are copied', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /domains/:d': PENDING } });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: api.base });
  await loaded(page);
  const first = page.locator('tbody tr').first();
  for (const [label, value] of [
    ['Copy name', 'send.mail'],
    ['Copy full name', 'send.mail.shop.example'],
    ['Copy value', 'feedback-smtp.us-east-1.amazonses.com'],
  ]) {
    await first.getByRole('button', { name: label, exact: true }).click();
    await first.getByText('Copied').first().waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), value);
  }
  await page.getByText('All records as a zone file').click();
  await page.getByRole('button', { name: 'Copy zone file' }).click();
  await page.getByText('Copied').last().waitFor();
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    '; DNS records of mail.shop.example\n' +
      'send.mail.shop.example. 3600 IN MX 10 feedback-smtp.us-east-1.amazonses.com.\n' +
      'send.mail.shop.example. 3600 IN TXT "v=spf1 include:amazonses.com ~all"\n' +
      'abc._domainkey.mail.shop.example. 3600 IN CNAME abc.dkim.amazonses.com.\n' +
      '_dmarc.mail.shop.example. 3600 IN TXT "v=DMARC1; p=none;"\n',
  );
  await page.getByText('?format=zone').waitFor();
  await close();
});

test('a pending domain is looked at until it is verified', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /domains/:d': PENDING } });
  await loaded(page);
  await page.clock.install();
  await page.reload();
  await loaded(page);
  const before = api.callsOf('GET /domains/:d').length;
  api.answer('GET /domains/:d', VERIFIED);
  await page.clock.runFor(16_000);
  await page.locator('.facts').getByText('sends').waitFor();
  assert.equal(api.callsOf('GET /domains/:d').length, before + 1);
  await page.clock.runFor(60_000);
  assert.equal(api.callsOf('GET /domains/:d').length, before + 1);
  await close();
});

test('the reader checks now, and verifies again', async () => {
  const failed = domain({ status: 'failed', verified: 'never' });
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /domains/:d': failed } });
  await page.getByText('Amazon SES gave up after 72 hours.').waitFor();
  api.answer('GET /domains/:d', PENDING);
  await tabTo(page, 'Verify again');
  await page.keyboard.press('Enter');
  await page.getByText('The verification has started.').waitFor();
  assert.equal(api.callsOf('POST /domains/:d/verify').length, 1);
  await page.getByText('Found instead:').waitFor();
  api.answer('GET /domains/:d', VERIFIED);
  await page.getByRole('button', { name: 'Check now' }).click();
  await page.locator('.facts').getByText('sends').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Verify again' }).count(), 0);
  await close();
});

test('a lost domain says what to do', async () => {
  const hint = 'Amazon SES no longer sends for this domain. Check its DKIM records in DNS.';
  const { page, close } = await openConsole({
    path: PATH,
    answers: { 'GET /domains/:d': domain({ verified: 'lost', hint }) },
  });
  await page.locator('.problem', { hasText: hint }).waitFor();
  await page.getByText('lost, emails wait').waitFor();
  await close();
});

test('a deletion needs the name', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /domains/:d': PENDING } });
  await page.getByRole('button', { name: 'Delete' }).click();
  const remove = page.getByRole('button', { name: 'Delete the domain' });
  assert.ok(await remove.isDisabled());
  await page.getByLabel('Type mail.shop.example to confirm').fill('mail.shop.example');
  await remove.click();
  await page.getByRole('heading', { level: 1, name: 'Domains' }).waitFor();
  assert.equal(api.callsOf('DELETE /domains/:d')[0]?.path, `/domains/${uuid(60)}`);
  await close();
});

test('a domain opens by its name', async () => {
  const { page, api, close } = await openConsole({
    path: '#/domains/shop.example',
    answers: { 'GET /domains': list([domainSummary(), domainSummary({ id: uuid(61), name: 'shop.example' })]) },
  });
  await loaded(page);
  assert.equal(api.callsOf('GET /domains/:d')[0]?.path, `/domains/${uuid(61)}`);
  await close();
});

test('an unknown name says what to do', async () => {
  const { page, close } = await openConsole({ path: '#/domains/other.example' });
  await page.locator('.problem', { hasText: 'This tenant has no domain other.example.' }).waitFor();
  await close();
});

for (const key of /** @type {const} */ (['read_access', 'deployer'])) {
  test(`a key looks and changes nothing: ${key}`, async () => {
    const { page, api, close } = await openConsole({ path: PATH, key, answers: { 'GET /domains/:d': PENDING } });
    await loaded(page);
    assert.equal(await page.getByRole('button', { name: /Verify|Delete/ }).count(), 0);
    await page.getByRole('button', { name: 'Check now' }).click();
    await page.getByText('Amazon SES and DNS are asked.').waitFor();
    const tenant = api.callsOf('GET /domains/:d')[0]?.headers['x-mailqueue-tenant'];
    assert.equal(tenant, key === 'deployer' ? 'main' : undefined);
    await close();
  });
}

for (const answer of [errors.tooMany(30), errors.failed(), errors.missing()]) {
  test(`an error says what to do: ${answer.status}`, async () => {
    const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /domains/:d': answer } });
    await page.locator('.problem', { hasText: answer.body.message }).waitFor();
    api.answer('GET /domains/:d', PENDING);
    await page.getByRole('button', { name: 'Try again' }).click();
    await loaded(page);
    await close();
  });
}

test('the records fit a narrow screen', async () => {
  const { page, close } = await openConsole({ path: PATH, width: 360, answers: { 'GET /domains/:d': PENDING } });
  await loaded(page);
  await assertNoSideScroll(page);
  await assertAccessible(page);
  await close();
});
