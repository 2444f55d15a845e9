// Failures: causes with advice and an example, the filters, and the retry with its job.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, errors, failure, failures, job, list, queue, uuid } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, focused, tabTo } from '../support/keyboard.js';

/** @typedef {import('playwright-core').Page} Page */

const HOUR_MS = 3_600_000;

/** @param {Parameters<typeof openConsole>[0]} options */
const open = (options = {}) => openConsole({ path: '#/failures', ...options });

/** @param {Page} page @param {string} cause */
const row = (page, cause) => page.getByRole('row').filter({ hasText: cause });

/** @param {Page} page */
const dialog = (page) => page.getByRole('dialog');

/** @param {string | undefined} since @param {number} days */
function assertDaysAgo(since, days) {
  const age = Date.now() - Date.parse(since ?? '');
  assert.equal(Date.parse(since ?? '') % HOUR_MS, 0, `${since} is the start of an hour`);
  assert.ok(age >= days * 24 * HOUR_MS && age <= (days * 24 + 1.1) * HOUR_MS, `${since} is ${days} days ago`);
}

test('each cause has its count, advice and example', async () => {
  const { page, api, close } = await open();
  await row(page, 'rejected').waitFor();
  const shown = (await row(page, 'rejected').textContent()) ?? '';
  assert.match(shown, /default/);
  assert.match(shown, /Look at the words of Amazon SES, correct the email, and retry it\./);
  const example = row(page, 'rejected').getByRole('link', { name: 'Latest email with the cause rejected' });
  assert.equal(await example.getAttribute('href'), `#/emails/${uuid(2)}`);
  const count = page.getByRole('link', { name: '2 emails with the cause budget spent in default' });
  assert.equal(await count.getAttribute('href'), '#/emails?queue=default&cause=budget_spent');
  const asked = api.callsOf('GET /failures');
  assert.equal(asked.length, 1);
  assertDaysAgo(asked[0]?.query.since, 7);
  assert.equal(asked[0]?.query.queue, undefined);
  await assertAccessible(page);
  await close();
});

test('the period and the queue filter on the server', async () => {
  const { page, api, close } = await open({ answers: { 'GET /queues': list([queue(), queue({ name: 'news' })]) } });
  await row(page, 'rejected').waitFor();
  await page.getByLabel('Period', { exact: true }).selectOption('30');
  await page.getByLabel('Queue').selectOption('news');
  await page.waitForURL(/period=30/);
  await page.waitForURL(/queue=news/);
  await page.waitForFunction(() => document.querySelector('[aria-busy]') === null);
  const last = api.callsOf('GET /failures').at(-1);
  assertDaysAgo(last?.query.since, 30);
  assert.equal(last?.query.queue, 'news');
  await page.getByLabel('From').fill('2026-11-24T10:20:00');
  await page.getByLabel('Until').fill('2026-11-25T12:00:00');
  await page.getByLabel('Until').blur();
  await page.waitForURL(/until=/);
  await page.waitForFunction(() => document.querySelector('[aria-busy]') === null);
  // The reader is in Berlin; the API counts whole hours in UTC.
  const timed = api.callsOf('GET /failures').at(-1);
  assert.deepEqual(timed?.query, {
    since: '2026-11-24T09:00:00.000Z',
    until: '2026-11-25T11:00:00.000Z',
    queue: 'news',
  });
  await close();
});

test('the address bar brings a filter back', async () => {
  const { page, api, close } = await open({ path: '#/failures?period=1&queue=default' });
  await row(page, 'rejected').waitFor();
  assert.equal(await page.getByLabel('Period', { exact: true }).inputValue(), '1');
  assertDaysAgo(api.callsOf('GET /failures')[0]?.query.since, 1);
  assert.equal(api.callsOf('GET /failures')[0]?.query.queue, 'default');
  await close();
});

test('a retry asks, shows its call, and reports its job', async () => {
  const { page, api, close } = await open({
    answers: { 'GET /queues/:name/jobs/:id': job({ done: false, emails: 2 }) },
  });
  await row(page, 'rejected').getByRole('button', { name: 'Retry these' }).click();
  await dialog(page).getByText('each email that failed with this cause has new attempts').waitFor();
  const shown = (await dialog(page).locator('pre').textContent()) ?? '';
  assert.match(shown, /curl -X POST "\$MAILQUEUE_URL\/queues\/default\/retry"/);
  assert.match(shown, /"cause":"rejected","since":"/);
  await assertAccessible(page);
  await dialog(page).getByRole('button', { name: 'Retry', exact: true }).click();
  await page.getByText('Retry of default: 2 emails wait to be sent again').waitFor();
  const sent = api.callsOf('POST /queues/default/retry');
  assert.equal(sent.length, 1);
  assert.deepEqual(Object.keys(sent[0]?.body), ['cause', 'since']);
  assert.equal(sent[0]?.body.cause, 'rejected');
  assertDaysAgo(sent[0]?.body.since, 7);
  assert.equal(api.callsOf(`GET /queues/default/jobs/${uuid(80)}`).length > 0, true);
  api.answer('GET /queues/:name/jobs/:id', job({ done: true, emails: 4 }));
  await page.getByText('Retry of default: 4 emails wait to be sent again (done)').waitFor();
  const asked = api.callsOf('GET /queues/:name/jobs/:id').length;
  await page.waitForTimeout(3500);
  assert.equal(api.callsOf('GET /queues/:name/jobs/:id').length, asked, 'a job that is done is not asked again');
  await page.waitForURL(/jobs=default%3A/);
  await page.reload();
  await page.getByText('Retry of default: 4 emails wait to be sent again (done)').waitFor();
  await close();
});

test('a retry takes the period that is shown at the click', async () => {
  const { page, api, close } = await open();
  await row(page, 'rejected').waitFor();
  await page.getByLabel('Period', { exact: true }).selectOption('1');
  await page.waitForURL(/period=1(&|$)/);
  await page.getByLabel('Until').fill('2026-11-25T12:00:00');
  await page.getByLabel('Until').blur();
  await row(page, 'rejected').getByRole('button', { name: 'Retry these' }).click();
  await dialog(page).getByText('A retry has no end').waitFor();
  await dialog(page).getByRole('button', { name: 'Retry', exact: true }).click();
  await dialog(page).waitFor({ state: 'detached' });
  assertDaysAgo(api.callsOf('POST /queues/default/retry')[0]?.body.since, 1);
  await close();
});

test('a retry without emails, and an unknown job, are told', async () => {
  const { page, api, close } = await open({
    path: `#/failures?jobs=default:${uuid(81)},news:${uuid(82)},bad`,
    answers: {
      'GET /queues/:name/jobs/:id': ({ path }) => (path.includes('news') ? errors.missing() : job({ emails: 0 })),
    },
  });
  await page.getByText('no email of this cause is left to retry').waitFor();
  await page.getByText('Retry of news').waitFor();
  await page.getByRole('alert').filter({ hasText: 'Not found' }).waitFor();
  assert.deepEqual(api.callsOf('GET /queues/:name/jobs/:id').length, 2);
  await close();
});

test('emails that may have been sent are decided one by one', async () => {
  const { page, close } = await open({ answers: { 'GET /failures': list([failure({ cause: 'answer_lost' })]) } });
  await row(page, 'answer lost').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Retry these' }).count(), 0);
  const decide = page.getByRole('link', { name: 'Decide for each email' });
  assert.equal(await decide.getAttribute('href'), '#/emails?status=unknown&queue=default');
  await close();
});

for (const key of /** @type {const} */ (['read_access', 'deployer'])) {
  test(`a key that may not retry sees no button: ${key}`, async () => {
    const { page, api, close } = await open({ key });
    await row(page, 'rejected').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Retry these' }).count(), 0);
    assert.equal(await page.getByRole('columnheader', { name: 'Retry' }).count(), 0);
    assert.equal(
      api.calls.some(({ method }) => method !== 'GET'),
      false,
    );
    const tenant = api.callsOf('GET /failures')[0]?.headers['x-mailqueue-tenant'];
    assert.equal(tenant, key === 'deployer' ? 'main' : undefined);
    await close();
  });
}

test('a refused retry tells the reason in its dialog', async () => {
  const { page, close } = await open({ answers: { 'POST /queues/:name/retry': errors.tooMany(7) } });
  await row(page, 'rejected').getByRole('button', { name: 'Retry these' }).click();
  await dialog(page).getByRole('button', { name: 'Retry', exact: true }).click();
  await dialog(page).getByText('Wait 7 seconds, then try again.').waitFor();
  await close();
});

test('a period without failures says so', async () => {
  const { page, close } = await open({ answers: { 'GET /failures': list() } });
  await page.getByText('No failures in this period').waitFor();
  await assertAccessible(page);
  await close();
});

test('a failure of the API is shown with a way on', async () => {
  const { page, api, close } = await open({ answers: { 'GET /failures': errors.failed() } });
  await page.getByRole('alert').filter({ hasText: 'An internal error occurred' }).waitFor();
  api.answer('GET /failures', failures());
  await page.getByRole('button', { name: 'Try again' }).click();
  await row(page, 'rejected').waitFor();
  await close();
});

test('the page works without the names of the queues', async () => {
  const { page, close } = await open({
    path: '#/failures?queue=news',
    answers: {
      'GET /queues': errors.overloaded(),
      'GET /failures': list([failure({ queue: 'news', latest_at: at(-9) })]),
    },
  });
  await row(page, 'rejected').waitFor();
  await page.getByRole('alert').filter({ hasText: 'The table is overloaded.' }).waitFor();
  assert.equal(await page.getByLabel('Queue').inputValue(), 'news');
  await close();
});

test('a retry works by the keyboard alone', async () => {
  const { page, api, close } = await open();
  await row(page, 'rejected').waitFor();
  await tabTo(page, 'Retry these');
  await page.keyboard.press('Enter');
  await dialog(page).waitFor();
  await page.keyboard.press('Escape');
  await dialog(page).waitFor({ state: 'detached' });
  assert.equal(await focused(page), 'Retry these');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Retry');
  await page.keyboard.press('Enter');
  await page.getByText('(done)').waitFor();
  assert.equal(api.callsOf('POST /queues/default/retry').length, 1);
  await close();
});

test('the page fits a narrow screen', async () => {
  const { page, close } = await open({ width: 360, dark: true });
  await row(page, 'rejected').waitFor();
  await assertNoSideScroll(page);
  await assertAccessible(page);
  await close();
});
