// Account: everything that is not good with its remedy, the limits, the usage and the key.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings } from '../../../functions/console/assets/pages/health.js';
import {
  account,
  accountKey,
  at,
  breaker,
  deployerAccount,
  errors,
  list,
  metrics,
  queue,
  queueCounts,
  usage,
  uuid,
} from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

/** @typedef {import('playwright-core').Page} Page */

const HEALTHY = { sent: 1000, delivered: 990, bounced_permanent: 5, complained: 0 };

/** @param {Parameters<typeof openConsole>[0]} options */
const open = ({ answers = {}, ...more } = {}) =>
  openConsole({
    path: '#/account',
    answers: { 'GET /emails/metrics': metrics({ totals: HEALTHY }), ...answers },
    ...more,
  });

/** @param {Page} page @param {string} heading */
const card = (page, heading) =>
  page.locator('section.card').filter({ has: page.getByRole('heading', { name: heading, exact: true }) });

/** The findings, each as one line. @param {Page} page */
async function found(page) {
  const items = card(page, 'What to do').locator('li');
  await items.first().waitFor();
  return items.evaluateAll((all) =>
    all.map((item) => [...item.children].map((part) => part.textContent).join(' ') || item.textContent),
  );
}

/** @param {Page} page @param {string} heading */
const textOf = async (page, heading) => (await card(page, heading).textContent()) ?? '';

/** Facts as the page collects them. */
const facts = (/** @type {Record<string, any>} */ overrides = {}) => ({
  account: deployerAccount(),
  queues: [queue()],
  usage: null,
  totals: HEALTHY,
  skewSeconds: 0,
  ...overrides,
});

/** The findings of some facts: tone and problem. */
const judged = (/** @type {Record<string, any>} */ overrides) =>
  findings(facts(overrides)).map(({ tone, problem }) => `${tone}: ${problem}`);

test('a healthy account has nothing to do', async () => {
  const { page, api, close } = await open({ key: 'deployer' });
  assert.deepEqual(await found(page), ['Nothing is wrong, as far as the API knows.']);
  const good = await textOf(page, 'As it should be');
  for (const line of [
    'production access',
    'No breaker stops the sending.',
    'DynamoDB did not throttle in the last hour.',
    'The bounce rate of the last 7 days is 0.50%.',
    'The clocks agree.',
  ]) {
    assert.ok(good.includes(line), `${line}: ${good}`);
  }
  assert.equal(api.callsOf('GET /usage').length, 0, 'the deployer has no usage');
  await assertAccessible(page);
  await close();
});

test('each problem of the account is found, problems first', () => {
  const ses = { sandbox: true, sending_enabled: false, rate_per_second: 1, daily_quota: 200, sent_last_24_hours: 200 };
  const bad = deployerAccount({
    ses,
    oldest_due_at: at(-3600),
    waiting_since: { high: null, normal: at(-7200), low: at(-60) },
    breaker: breaker({ state: 'open', cause: 'account_paused', advice: 'Ask AWS.', next_probe_at: at(60) }),
    feedback: { lag_seconds: 1200, newest_event_at: at(-1200) },
    table_throttles_last_hour: 17,
  });
  assert.deepEqual(judged({ account: bad, totals: { ...HEALTHY, bounced_permanent: 45, complained: 2 } }), [
    'bad: Amazon SES has stopped the sending of this account.',
    'bad: 200 of 200 recipients of the last 24 hours are used.',
    'bad: The breaker is open: account paused.',
    'bad: 0.20% of the recipients of the last 7 days reported spam. AWS reviews an account at 0.1%.',
    'warn: The account is in the sandbox: Amazon SES sends only to verified addresses.',
    'warn: An email has been due for 1 h.',
    'warn: The normal-priority queue has had a backlog for 2 h.',
    'warn: The newest event of Amazon SES lags by 20 min.',
    'warn: DynamoDB throttled the table or an index 17 times in the last hour.',
    'warn: 4.50% of the recipients of the last 7 days bounced. AWS reviews an account at 5%.',
  ]);
  assert.deepEqual(judged({ account: deployerAccount({ ses: null, table_throttles_last_hour: null }) }), [
    'warn: Amazon SES did not report the limits of the account.',
    'warn: CloudWatch did not report the throttles of the table.',
  ]);
});

test('each reason why emails of a tenant wait is found', () => {
  const held = queueCounts({ held: 12 });
  const shared = { held_keys: [uuid(20)], held_domains: ['shop.example'], lost_domains_held: true, suspended: true };
  assert.deepEqual(judged({ queues: [queue({ ...shared, counts: held })] }), [
    'bad: The tenant is suspended: none of its emails is sent.',
    'warn: API keys whose emails are held: 1.',
    'warn: Amazon SES has stopped sending for shop.example: the emails from there wait.',
    'warn: Emails from removed From domains are held.',
  ]);
  assert.deepEqual(judged({ queues: [queue({ paused: true, counts: held }), queue({ name: 'news', counts: held })] }), [
    'warn: The queue default is paused, and holds 12 emails.',
    'warn: 12 emails are held without a pause or a hold: news.',
  ]);
  assert.deepEqual(judged({ skewSeconds: 90, queues: [queue()] }), [
    'warn: The clock of this computer is 1 min 30 s ahead of the API’s.',
  ]);
});

test('the deployer reads each problem with its remedy', async () => {
  const ses = { sandbox: true, sending_enabled: false, rate_per_second: 1, daily_quota: 200, sent_last_24_hours: 20 };
  const { page, close } = await open({ key: 'deployer', answers: { 'GET /account': deployerAccount({ ses }) } });
  const [first, second] = await found(page);
  assert.match(first ?? '', /^Problem Amazon SES has stopped the sending of this account\. Read the notice of AWS/);
  assert.match(second ?? '', /^Note The account is in the sandbox.* Ask for production access/);
  assert.match(
    await textOf(page, 'Limits of the account'),
    /1 recipients per second.*20 of 200 recipients 10\.0% used/,
  );
  await assertAccessible(page);
  await close();
});

test('a tenant’s key sees its tenant, its usage and itself', async () => {
  const { page, api, close } = await open({
    key: 'read_access',
    answers: {
      'GET /account': account({
        generated_at: at(90),
        key: accountKey({ permission: 'read_access', name: 'support', expires_at: at(1800) }),
      }),
      'GET /queues': list([queue({ suspended: true, held_keys: [uuid(20)], held_domains: ['shop.example'] })]),
      'GET /usage': usage({
        emails: {
          daily: { limit: 1000, received: 0, sent: 880, used: 900, resets_at: at(3600) },
          monthly: { limit: null, received: 0, sent: 4100, used: 4200, resets_at: at(86_400) },
        },
        rate_limit: { duration: '10000ms', limit: 100 },
      }),
    },
  });
  const all = (await found(page)).join('\n');
  assert.match(all, /Problem The tenant is suspended/);
  assert.match(all, /The clock of this computer is .* behind the API’s\./);
  assert.match(all, /Amazon SES has stopped sending for shop\.example/);
  assert.match(all, /900 of the 1,000 recipients of this day/);
  assert.match(all, /The key of this session ends in (29 min|30 min)/);
  assert.match(await textOf(page, 'Your key'), /Read access[\s\S]*support[\s\S]*shop/);
  const used = await textOf(page, 'Usage and cost');
  assert.match(used, /900 of 1,000 recipients 90\.0% used/);
  assert.match(used, /100 recipients in 10 seconds/);
  assert.match(used, /\(estimate\)/);
  assert.equal(await card(page, 'Limits of the account').count(), 0);
  await page.getByText('shown to the deployer’s key only').waitFor();
  assert.ok(api.calls.every(({ method }) => method === 'GET'));
  await assertAccessible(page);
  await close();
});

test('a paused queue with held emails leads to its page', async () => {
  const news = queue({ name: 'news', paused: true, paused_at: at(-60), counts: queueCounts({ held: 12 }) });
  const { page, close } = await open({ answers: { 'GET /queues': list([queue(), news]) } });
  assert.match((await found(page)).join(), /The queue news is paused, and holds 12 emails\. Resume it/);
  assert.equal(await page.getByRole('link', { name: 'Queue news' }).getAttribute('href'), '#/queues/news');
  assert.equal(await page.getByRole('button', { name: 'Release them' }).count(), 0);
  await close();
});

const restored = () => list([queue({ counts: queueCounts({ held: 800 }) })]);

test('restored emails are released page by page', async () => {
  let runs = 0;
  const { page, api, close } = await open({
    answers: {
      'GET /queues': restored(),
      'POST /emails/release': () => {
        runs += 1;
        const more = runs === 1;
        return { object: 'release', emails: more ? 500 : 300, left: 0, failed: 0, has_more: more, next: uuid(7) };
      },
    },
  });
  assert.match((await found(page)).join('\n'), /800 emails are held without a pause or a hold: default\./);
  const dialog = page.getByRole('dialog');
  for (const words of [
    'Released: 500 emails. More emails are left to check',
    'Released: 300 emails. All emails were',
  ]) {
    await page.getByRole('button', { name: 'Release them' }).click();
    await dialog.getByText('flagged as possible duplicates').waitFor();
    assert.match((await dialog.locator('pre').textContent()) ?? '', /\/emails\/release\?restored=true/);
    await dialog.getByRole('button', { name: 'Release them' }).click();
    await dialog.getByText(words).waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
  }
  assert.deepEqual(
    api.callsOf('POST /emails/release').map(({ query }) => query),
    [{ restored: 'true' }, { restored: 'true', after: uuid(7) }],
  );
  await close();
});

test('the deployer may end restored emails, and not release them', async () => {
  const { page, api, close } = await open({
    key: 'deployer',
    answers: {
      'GET /queues': restored(),
      'POST /emails/cancel': {
        object: 'cancellation',
        key: null,
        from_domain: null,
        canceled: 500,
        left: 0,
        failed: 0,
        has_more: false,
        next: null,
      },
    },
  });
  await tabTo(page, 'End them');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'End them' }).click();
  await dialog.getByText('Ended: 500 emails.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Release them' }).count(), 0);
  const [call] = api.callsOf('POST /emails/cancel');
  assert.deepEqual([call?.query, call?.headers['x-mailqueue-tenant']], [{ restored: 'true' }, 'main']);
  await close();
});

test('a key for reading sees restored emails without a button', async () => {
  const { page, close } = await open({ key: 'read_access', answers: { 'GET /queues': restored() } });
  assert.match((await found(page)).join('\n'), /800 emails are held/);
  assert.equal(await card(page, 'What to do').getByRole('button').count(), 0);
  await close();
});

for (const [name, answer] of Object.entries({ failed: errors.failed(), limited: errors.tooMany(1) })) {
  test(`an error is shown with a way on: ${name}`, async () => {
    const { page, api, close } = await open({ answers: { 'GET /queues': answer } });
    const alert = page.getByRole('alert').filter({ hasText: String(answer.body.message) });
    await alert.waitFor();
    api.answer('GET /queues', list([queue()]));
    await alert.getByRole('button', { name: 'Try again' }).click();
    await card(page, 'Your key').waitFor();
    await close();
  });
}

test('the page fits a narrow screen', async () => {
  const { page, close } = await open({ key: 'deployer', width: 360, dark: true });
  await card(page, 'Limits of the account').waitFor();
  await assertNoSideScroll(page);
  await assertAccessible(page);
  await close();
});
