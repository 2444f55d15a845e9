// The page Emails: filters, pages of the server, how far a search looked, and the cancellation of a filter's emails.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CAUSES, STATUSES } from '../../../functions/console/assets/pages/values.js';
import { at, emailItem, errors, FAILED, list, uuid, WAITING } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

/** @typedef {import('../support/mock.js').Call} Call */

const NAMES = JSON.parse(readFileSync(new URL('../../../openapi.json', import.meta.url), 'utf8')).components.schemas;

/** Emails with the numbers from `first` on. @param {number} first @param {number} count */
const emails = (first, count) =>
  Array.from({ length: count }, (_, index) =>
    emailItem({ id: uuid(first + index), subject: `Order ${first + index}` }),
  );

/** The query of the last request for the list. @param {any} api */
const asked = (api) => api.callsOf('GET /emails').at(-1).query;

test('the filters know every status and cause of the API', () => {
  assert.deepEqual(STATUSES, NAMES.Status.enum);
  assert.deepEqual(CAUSES, NAMES.Cause.enum);
});

test('the list shows status, recipients and cause', async () => {
  const { page, api, close } = await openConsole({
    path: '#/emails',
    answers: {
      'GET /emails': list([
        emailItem({ ...FAILED, subject: 'Failed order', to: ['a@x.example', 'b@x.example'] }),
        emailItem({ ...WAITING, id: uuid(2), status: 'retry', maybe_duplicate: true }),
        emailItem({ id: uuid(3), subject: '', to: [], from: '' }),
      ]),
    },
  });
  const rows = page.locator('tbody tr');
  await rows.nth(2).waitFor();
  assert.match(await rows.nth(0).innerText(), /Failed order[\s\S]*failed[\s\S]*a@x\.example and 1 more[\s\S]*invalid/);
  assert.match(await rows.nth(1).innerText(), /retry[\s\S]*possible duplicate/);
  assert.match(await rows.nth(2).innerText(), /Content deleted/);
  assert.deepEqual(asked(api), { limit: '25' });
  await assertAccessible(page);
  await close();
});

test('a row opens its email', async () => {
  const { page, close } = await openConsole({ path: '#/emails' });
  await page.locator('tbody tr').first().waitFor();
  await tabTo(page, 'Your order 1042');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Your order 1042' }).waitFor();
  assert.ok(page.url().endsWith(`#/emails/${uuid(1)}`));
  await close();
});

test('the address bar filters, and the filters write it', async () => {
  const { page, api, close } = await openConsole({ path: '#/emails?status=failed&queue=news&last_event=bounced' });
  await page.locator('tbody tr').first().waitFor();
  // The API refuses unknown parameters, so the page sends only those that it knows.
  assert.deepEqual(asked(api), { limit: '25', status: 'failed', queue: 'news' });
  await page.getByLabel('Cause').selectOption('rejected');
  await page.getByLabel('Accepted since').fill('2026-11-24T10:00:00');
  await page.getByLabel('Tag').fill('kind:order');
  await page.keyboard.press('Enter');
  await page.waitForURL(/tag=kind%3Aorder/);
  await page.locator('tbody tr').first().waitFor();
  const since = '2026-11-24T09:00:00.000Z';
  const expected = { limit: '25', status: 'failed', queue: 'news', cause: 'rejected', since, tag: 'kind:order' };
  assert.deepEqual(asked(api), expected);
  await close();
});

test('the pages come from the server', async () => {
  const { page, api, close } = await openConsole({
    path: '#/emails',
    answers: {
      'GET /emails': (call) =>
        call.query['after'] ? list(emails(26, 3)) : list(emails(1, 25), { has_more: true, next: uuid(25) }),
    },
  });
  await page.getByText('Order 25').waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByText('Order 28').waitFor();
  assert.deepEqual(asked(api), { limit: '25', after: uuid(25) });
  await page.getByRole('button', { name: 'Previous' }).click();
  await page.getByText('Order 25').waitFor();
  assert.equal(await page.locator('tbody tr').count(), 25);
  await close();
});

test('a search says how far it looked, and continues on demand', async () => {
  const { page, api, close } = await openConsole({
    path: '#/emails?to=ada%40customer.example',
    answers: {
      'GET /emails': (/** @type {Call} */ { query }) => {
        if (query['after'] === uuid(2000)) return list(emails(2, 1));
        if (query['after'] === uuid(1000)) return list(emails(1, 1), { has_more: true, next: uuid(2000) });
        return list([], { has_more: true, next: uuid(1000) });
      },
    },
  });
  const looked = page.getByText(/^Looked at up to/);
  await looked.waitFor();
  assert.match(await looked.innerText(), /^Looked at up to 1,000 emails, back to .*\d\d:\d\d.*\.$/);
  await page.getByText('No match so far').waitFor();
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('Order 1', { exact: true }).waitFor();
  await page.getByText(/Looked at up to 2,000 emails/).waitFor();
  assert.deepEqual(asked(api), { limit: '25', to: 'ada@customer.example', after: uuid(1000) });
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('Order 2', { exact: true }).waitFor();
  // The page keeps the earlier match, and asks only for the rows that it lacks.
  await page.getByText('Order 1', { exact: true }).waitFor();
  assert.deepEqual(asked(api), { limit: '24', to: 'ada@customer.example', after: uuid(2000) });
  await looked.waitFor({ state: 'detached' });
  await close();
});

test('a failed continuation can be tried again', async () => {
  const { page, api, close } = await openConsole({
    path: '#/emails?tag=kind',
    answers: { 'GET /emails': list(emails(1, 1), { has_more: true, next: uuid(1000) }) },
  });
  await page.getByRole('button', { name: 'Continue' }).waitFor();
  api.answer('GET /emails', errors.failed());
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('An internal error occurred.').waitFor();
  api.answer('GET /emails', list(emails(2, 1)));
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('Order 2', { exact: true }).waitFor();
  assert.equal(asked(api).after, uuid(1000));
  await page.getByText('Order 1', { exact: true }).waitFor();
  await close();
});

test('the empty list teaches the first email', async () => {
  const { page, api, close } = await openConsole({ path: '#/emails', answers: { 'GET /emails': list() } });
  await page.getByText('No emails yet').waitFor();
  const command = page.locator('pre', { hasText: 'delivered@resend.dev' });
  assert.match(await command.innerText(), /MAILQUEUE_URL[\s\S]*\$MAILQUEUE_API_KEY/);
  await page.getByLabel('Status').selectOption('failed');
  await page.getByText('No email matches').waitFor();
  assert.equal(asked(api).status, 'failed');
  await close();
});

for (const [words, answer] of /** @type {const} */ ([
  ['Too many requests', errors.tooMany(30)],
  ['An internal error occurred.', errors.failed()],
  ['Not found.', errors.missing()],
])) {
  test(`an error says what to do: ${answer.status}`, async () => {
    const { page, api, close } = await openConsole({ path: '#/emails', answers: { 'GET /emails': answer } });
    await page.locator('.problem', { hasText: words }).first().waitFor();
    api.answer('GET /emails', list([emailItem()]));
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.getByText('Your order 1042').waitFor();
    await close();
  });
}

test('the waiting emails of a From domain are canceled together', async () => {
  const { page, api, close } = await openConsole({
    path: '#/emails?from_domain=old.example',
    answers: {
      'POST /emails/cancel': ({ query }) => ({
        object: 'cancellation',
        key: null,
        from_domain: 'old.example',
        canceled: query['after'] ? 7 : 500,
        left: 1,
        failed: 0,
        has_more: !query['after'],
        next: query['after'] ? null : uuid(500),
      }),
    },
  });
  await page.getByRole('button', { name: 'Cancel these waiting emails' }).click();
  const dialog = page.getByRole('dialog');
  const submit = dialog.getByRole('button', { name: 'Cancel the emails' });
  assert.ok(await submit.isDisabled());
  await dialog.getByLabel(/^Type old\.example/).fill('old.example');
  await submit.click();
  await page.getByText('Canceled 507 emails. 2 are being sent or may have been sent.').waitFor();
  assert.deepEqual(
    api.callsOf('POST /emails/cancel').map((/** @type {Call} */ call) => call.query),
    [{ from_domain: 'old.example' }, { from_domain: 'old.example', after: uuid(500) }],
  );
  await close();
});

test('a cancellation is not offered for a list that shows other emails', async () => {
  const { page, close } = await openConsole({ path: '#/emails?from_domain=old.example&status=retry' });
  await page.locator('tbody tr').first().waitFor();
  assert.equal(await page.getByRole('button', { name: 'Cancel these' }).count(), 0);
  await close();
});

test('a key for reading is offered no action', async () => {
  const { page, close } = await openConsole({ path: '#/emails?from_domain=old.example', key: 'read_access' });
  await page.locator('tbody tr').first().waitFor();
  assert.equal(await page.getByRole('button', { name: 'Cancel these' }).count(), 0);
  await close();
});

test('the deployer sees no content and no filters for it', async () => {
  const { page, api, close } = await openConsole({ path: '#/emails?to=a%40x.example', key: 'deployer' });
  await page.getByText(uuid(1)).waitFor();
  await page.getByText('1 recipient').waitFor();
  assert.equal(await page.getByLabel('Recipient').count(), 0);
  assert.equal(await page.getByLabel('Tag').count(), 0);
  const call = api.callsOf('GET /emails').at(-1);
  assert.deepEqual(call?.query, { limit: '25' });
  assert.equal(call?.headers['x-mailqueue-tenant'], 'main');
  await close();
});

test('the list fits a narrow screen', async () => {
  const long = emailItem({ subject: 'A'.repeat(200), to: [`${'b'.repeat(60)}@${'c'.repeat(60)}.example`] });
  const { page, close } = await openConsole({ path: '#/emails', width: 360, answers: { 'GET /emails': list([long]) } });
  await page.locator('tbody tr').first().waitFor();
  await assertNoSideScroll(page);
  // The closed filters leave room for the list.
  assert.ok(!(await page.getByLabel('Status').isVisible()));
  await page.getByText('Filters', { exact: true }).click();
  await page.getByLabel('Status').selectOption('failed');
  await page.getByRole('button', { name: 'Clear filters' }).waitFor();
  await assertNoSideScroll(page);
  await close();
});

test('a new email appears without a reload', async () => {
  const { page, api, close } = await openConsole({ path: '#/emails', hidden: false });
  await page.getByText('Your order 1042').waitFor();
  api.answer('GET /emails', list([emailItem({ id: uuid(2), subject: 'New order', created_at: at() }), emailItem()]));
  await page.getByRole('button', { name: 'Refresh' }).click();
  await page.getByText('New order').waitFor();
  assert.equal(await page.locator('tbody tr').count(), 2);
  await close();
});
