// Now: figures of the moment, the last 24 hours, and the first email.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reputation } from '../../../functions/console/assets/pages/figures.js';
import {
  account,
  at,
  breaker,
  deployerAccount,
  emailItem,
  errors,
  list,
  metrics,
  queue,
  queueCounts,
} from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

/** @typedef {import('../support/mock.js').Answer} Answer */
/** @typedef {import('playwright-core').Page} Page */

const SES = {
  sandbox: false,
  sending_enabled: true,
  rate_per_second: 14,
  daily_quota: 50_000,
  sent_last_24_hours: 1200,
};

/** The metrics of a week with these totals, a day by hours, and the cost of a month. */
const counted = (totals = {}) =>
  metrics({
    totals: {
      accepted: 1000,
      sent: 1000,
      delivered: 900,
      bounced: 20,
      bounced_permanent: 10,
      complained: 0,
      ...totals,
    },
    cost: {
      recipients: 12_300,
      thousand_recipients_usd: 0.1,
      attachment_bytes: 0,
      attachment_gigabyte_usd: 0.12,
      cost_usd: 1.23,
    },
  });

/** @param {Parameters<typeof openConsole>[0]} options */
const open = ({ answers = {}, ...more } = {}) =>
  openConsole({ path: '#/now', answers: { 'GET /emails/metrics': counted(), ...answers }, ...more });

/** @param {Page} page @param {string} heading */
const card = (page, heading) =>
  page.locator('section.card').filter({ has: page.getByRole('heading', { name: heading, exact: true }) });

/** @param {Page} page @param {string} heading @param {RegExp} words */
async function says(page, heading, words) {
  await card(page, heading).filter({ hasText: words }).waitFor();
}

test('waiting emails are listed by queue and lead to their emails', async () => {
  const news = queue({
    name: 'news',
    paused: true,
    paused_at: at(-60),
    counts: queueCounts({ queued: 0, held: 1234 }),
  });
  const { page, api, close } = await open({
    answers: {
      'GET /account': account({ unfinished: queueCounts({ held: 1234 }) }),
      'GET /queues': list([queue(), news]),
    },
  });
  await says(page, 'Waiting', /Waiting emails of the tenant shop: 1,241 \(2 scheduled, 3 queued, 1 retry, 1 sending/);
  const queued = page.getByRole('link', { name: '3 queued in default' });
  assert.equal(await queued.getAttribute('href'), '#/emails?queue=default&status=queued');
  const held = page.getByRole('link', { name: '1,234 held in news' });
  assert.equal(await held.getAttribute('href'), '#/queues/news');
  await page.getByRole('row').filter({ hasText: 'news' }).filter({ hasText: 'Paused' }).waitFor();
  await page.getByRole('row').filter({ hasText: 'default' }).filter({ hasText: 'Active' }).waitFor();
  assert.equal(api.callsOf('GET /queues').length, 1);
  await assertAccessible(page);
  await close();
});

test('a tenant’s key shows no figures of the account', async () => {
  const { page, api, close } = await open({ key: 'read_access' });
  await says(page, 'Reputation', /Bounce rate/);
  assert.equal(await card(page, 'Amazon SES').count(), 0);
  assert.equal(await card(page, 'Breaker').count(), 0);
  await page.getByText('only the deployer’s key shows them').waitFor();
  assert.deepEqual([...new Set(api.calls.map(({ method }) => method))], ['GET']);
  await close();
});

test('the deployer sees the limits, the breaker and the oldest due email', async () => {
  const { page, api, close } = await open({
    key: 'deployer',
    answers: {
      'GET /account': deployerAccount({
        tenant: 'main',
        oldest_due_at: at(-3600),
        ses: { ...SES, sent_last_24_hours: 45_000, sandbox: true },
        breaker: breaker({
          state: 'open',
          cause: 'quota_exceeded',
          advice: 'The 24-hour quota of Amazon SES is used up.',
          next_probe_at: at(120),
        }),
      }),
    },
  });
  await says(page, 'Amazon SES', /14 recipients per second/);
  await says(page, 'Amazon SES', /45,000 of 50,000 recipients\s+90\.0% used/);
  await says(page, 'Amazon SES', /Sandbox/);
  await says(page, 'Breaker', /Open\s+Nothing is sent\./);
  await says(page, 'Breaker', /quota exceeded/);
  await says(page, 'Breaker', /The 24-hour quota of Amazon SES is used up\./);
  await says(page, 'Waiting', /1 hour ago\s+Late/);
  assert.equal(await page.locator('meter').getAttribute('value'), '0.9');
  assert.ok(api.callsOf('GET /queues').every(({ headers }) => headers['x-mailqueue-tenant'] === 'main'));
  await assertAccessible(page);
  await close();
});

test('limits that Amazon SES does not report are no zero', async () => {
  const { page, close } = await open({
    key: 'deployer',
    answers: { 'GET /account': deployerAccount({ ses: null, oldest_due_at: null }) },
  });
  await says(page, 'Amazon SES', /did not report them/);
  await says(page, 'Waiting', /No email is late\./);
  await says(page, 'Breaker', /Closed/);
  await close();
});

test('rates are judged by the limits of AWS', () => {
  const judged = (/** @type {number} */ bounced, /** @type {number} */ complained) => {
    const { bounce, complaint } = reputation({
      sent: 10_000,
      delivered: 10_000,
      bounced_permanent: bounced,
      complained,
    });
    return [bounce.tone, complaint.tone];
  };
  assert.deepEqual(judged(399, 7), ['good', 'good']);
  assert.deepEqual(judged(400, 8), ['warn', 'warn']);
  assert.deepEqual(judged(500, 10), ['bad', 'bad']);
  assert.deepEqual(judged(1000, 50), ['bad', 'bad']);
  const none = reputation({ sent: 0, delivered: 0, bounced_permanent: 0, complained: 0 });
  assert.deepEqual([none.bounce.words, none.complaint.words], ['No emails yet', 'No emails yet']);
});

test('the rates are marked beside the limits', async () => {
  const totals = { bounced_permanent: 50, complained: 1, delivered: 1250 };
  const { page, close } = await open({ answers: { 'GET /emails/metrics': counted(totals) } });
  await says(page, 'Reputation', /5\.00%\s*Bad: AWS reviews the account/);
  await says(page, 'Reputation', /AWS reviews an account at 5%, and may pause it at 10%/);
  await says(page, 'Reputation', /0\.08%\s*Warning: close to a review/);
  await says(page, 'Reputation', /AWS reviews an account at 0\.1%, and may pause it at 0\.5%/);
  await close();
});

test('the last 24 hours are a chart, and the month has a cost', async () => {
  const { page, api, close } = await open();
  await card(page, 'The last 24 hours').locator('canvas').waitFor();
  await page.getByText('Show the numbers').click();
  const rows = card(page, 'The last 24 hours').locator('tbody tr');
  await rows.first().waitFor();
  assert.equal(await rows.count(), 24);
  const heads = await card(page, 'The last 24 hours').locator('thead th').allTextContents();
  assert.deepEqual(heads, ['Time', 'Accepted', 'Sent', 'Failed', 'Bounced', 'Complained']);
  const causes = page.getByRole('link', { name: 'Failed emails: 4. See the causes' });
  assert.equal(await causes.getAttribute('href'), '#/failures?period=1');
  const day = api.callsOf('GET /emails/metrics').find(({ query }) => query.granularity === 'hourly');
  assert.equal(day?.query.metrics, 'accepted,sent,failed,bounced,complained');
  assert.equal(day?.query.dimensions, 'period');
  const hours = (Date.now() - Date.parse(day?.query.start_date ?? '')) / 3_600_000;
  assert.ok(hours >= 23 && hours <= 24.1, `the chart begins ${hours} hours ago`);
  await says(page, 'Cost of this month', /\$1\.23 \(estimate\)/);
  await says(page, 'Cost of this month', /12,300 recipients at \$0\.10 per 1,000/);
  const starts = api.callsOf('GET /emails/metrics').map(({ query }) => query.start_date);
  assert.ok(starts.includes(`${new Date().toISOString().slice(0, 7)}-01T00:00:00.000Z`), String(starts));
  await close();
});

test('an empty deployment teaches the first email until it arrives', async () => {
  const { page, api, hide, close } = await open({ answers: { 'GET /emails': list() } });
  await page.getByText('Send the first email').waitFor();
  const command = (await page.locator('.empty code').first().textContent()) ?? '';
  assert.match(command, /curl -X POST "\$MAILQUEUE_URL\/emails"/);
  assert.match(command, /Bearer \$MAILQUEUE_API_KEY/);
  assert.match(command, /delivered@resend\.dev/);
  await assertAccessible(page);
  assert.deepEqual(api.callsOf('GET /emails')[0]?.query, { limit: '1' });
  await tabTo(page, 'Copy');
  api.answer('GET /emails', list([emailItem()]));
  await hide(true);
  await hide(false);
  await page.getByText('Send the first email').waitFor({ state: 'detached' });
  const asked = api.callsOf('GET /emails').length;
  await hide(true);
  await hide(false);
  await page.waitForTimeout(300);
  assert.equal(api.callsOf('GET /emails').length, asked, 'a deployment with emails is not asked again');
  await close();
});

test('new figures replace old ones in place', async () => {
  const { page, api, hide, close } = await open();
  await page.getByRole('link', { name: '3 queued in default' }).waitFor();
  await page.getByText('Show the numbers').click();
  const row = await page.getByRole('row').filter({ hasText: 'default' }).elementHandle();
  api.answer('GET /queues', list([queue({ counts: queueCounts({ queued: 7 }) })]));
  await hide(true);
  await hide(false);
  await page.getByRole('link', { name: '7 queued in default' }).waitFor();
  assert.equal(await row?.evaluate((element) => element.isConnected), true);
  assert.equal(
    await page
      .locator('details.numbers, figure details')
      .first()
      .evaluate((d) => d.hasAttribute('open')),
    true,
  );
  await close();
});

test('a failure of the API is shown with a way on', async () => {
  const { page, api, close } = await open({ answers: { 'GET /queues': errors.failed() } });
  const alert = page.getByRole('alert').filter({ hasText: 'An internal error occurred' }).first();
  await alert.waitFor();
  api.answer('GET /queues', list([queue()]));
  await alert.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('link', { name: '3 queued in default' }).waitFor();
  await close();
});

test('figures stay when a later request is refused', async () => {
  const { page, api, hide, close } = await open();
  await page.getByRole('link', { name: '3 queued in default' }).waitFor();
  api.answer('GET /account', errors.tooMany(60));
  await hide(true);
  await hide(false);
  await page.getByText('Slowed down: too many requests').waitFor();
  assert.equal(await page.getByRole('link', { name: '3 queued in default' }).count(), 1);
  const asked = api.callsOf('GET /account').length;
  await hide(true);
  await hide(false);
  await page.waitForTimeout(300);
  assert.equal(api.callsOf('GET /account').length, asked, 'a limited page waits');
  await close();
});

for (const key of /** @type {const} */ (['full_access', 'deployer'])) {
  test(`the page fits a narrow screen: ${key}`, async () => {
    const { page, close } = await open({ key, width: 360, dark: true });
    await card(page, 'The last 24 hours').locator('canvas').waitFor();
    await page.getByRole('link', { name: '3 queued in default' }).waitFor();
    await assertNoSideScroll(page);
    await assertAccessible(page);
    await close();
  });
}
