// The list of webhooks, and the creation of one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, errors, list, uuid, webhookSummary } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

const PATH = '#/webhooks';

/** @param {import('playwright-core').Page} page @param {string} text */
const says = (page, text) => page.getByText(text).first().waitFor();

/** @param {import('playwright-core').Page} page */
const dialog = (page) => page.getByRole('dialog');

test('each webhook is listed with its health', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: {
      'GET /webhooks': list([
        webhookSummary({ id: uuid(50) }),
        webhookSummary({ id: uuid(51), endpoint: 'https://b.example/', state: 'failing', failing_since: at(-900) }),
        webhookSummary({ id: uuid(52), endpoint: 'https://c.example/', status: 'disabled', disabled_by: 'gone' }),
        webhookSummary({ id: uuid(53), endpoint: 'pull', delivery: 'pull', expires_at: at(3600) }),
      ]),
    },
  });
  await says(page, 'https://shop.example/hooks/mail');
  const badges = await page.locator('tbody .badge').allTextContents();
  assert.deepEqual(badges, ['enabled', 'failing', 'disabled', 'pulled']);
  await says(page, 'Pull (no endpoint)');
  assert.deepEqual(api.callsOf('GET /webhooks')[0]?.query, { limit: '20' });
  assert.equal(await page.locator('tbody a').first().getAttribute('href'), `#/webhooks/${uuid(50)}`);
  await assertAccessible(page);
  await close();
});

test('a new webhook shows its secret, its start and its warnings', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: {
      'POST /webhooks': {
        object: 'webhook',
        id: uuid(51),
        active_at: at(60),
        signing_secret: 'whsec_aW52ZW50ZWQ=',
        warnings: ['endpoint: no address is known for hooks.example'],
      },
    },
  });
  await page.getByRole('button', { name: 'New webhook' }).click();
  await dialog(page).getByLabel('Endpoint').fill('https://hooks.example/mail');
  await dialog(page).getByLabel('email.opened').check();
  await dialog(page).getByLabel('email.complained').uncheck();
  const shown = await dialog(page).locator('pre').textContent();
  assert.match(shown ?? '', /curl -X POST "\$MAILQUEUE_URL\/webhooks"/);
  assert.match(shown ?? '', /https:\/\/hooks\.example\/mail/);
  await dialog(page).getByRole('button', { name: 'Create' }).click();
  await says(page, 'whsec_aW52ZW50ZWQ=');
  await says(page, 'no address is known for hooks.example');
  await says(page, 'Active from');
  await dialog(page).getByRole('button', { name: 'Copy the secret' }).waitFor();
  assert.deepEqual(api.callsOf('POST /webhooks')[0]?.body, {
    endpoint: 'https://hooks.example/mail',
    events: ['email.delivered', 'email.bounced', 'email.opened', 'email.failed'],
  });
  await assertAccessible(page);
  await dialog(page).getByRole('link', { name: 'Open the webhook' }).click();
  await page.waitForURL(`**/#/webhooks/${uuid(51)}`);
  await close();
});

test('a webhook may be pulled, and may have an own secret', async () => {
  const { page, api, close } = await openConsole({ path: PATH });
  await page.getByRole('button', { name: 'New webhook' }).click();
  await dialog(page).getByLabel('Delivery', { exact: true }).selectOption('pull');
  await dialog(page).getByLabel('Your own signing secret').fill('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  await dialog(page).getByRole('button', { name: 'Create' }).click();
  await says(page, 'Copy the signing secret into your receiver now.');
  assert.deepEqual(api.callsOf('POST /webhooks')[0]?.body, {
    events: ['email.delivered', 'email.bounced', 'email.complained', 'email.failed'],
    delivery: 'pull',
    signing_secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  });
  await close();
});

test('a refused endpoint is shown beside its field', async () => {
  const refused = errors.invalid('endpoint', 'the host is private (rule: private_address)');
  const { page, close } = await openConsole({ path: PATH, answers: { 'POST /webhooks': refused } });
  await page.getByRole('button', { name: 'New webhook' }).click();
  await dialog(page).getByLabel('Endpoint').fill('https://10.0.0.1/');
  await dialog(page).getByRole('button', { name: 'Create' }).click();
  await says(page, 'the host is private');
  assert.equal(await dialog(page).getByLabel('Endpoint').getAttribute('aria-invalid'), 'true');
  await close();
});

test('an empty list teaches the first call', async () => {
  const { page, close } = await openConsole({ path: PATH, answers: { 'GET /webhooks': list() } });
  await says(page, 'No webhooks yet');
  await page.getByText('curl -X POST').waitFor();
  await assertAccessible(page);
  await close();
});

test('errors say what to do', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /webhooks': errors.failed() } });
  await says(page, 'An internal error occurred.');
  api.answer('GET /webhooks', list([webhookSummary()]));
  await page.getByRole('button', { name: 'Try again' }).first().click();
  await says(page, 'https://shop.example/hooks/mail');
  await close();
});

test('a limit of requests slows the page down', async () => {
  const { page, close } = await openConsole({ path: PATH, answers: { 'GET /webhooks': errors.tooMany(5) } });
  await says(page, 'Too many requests');
  await close();
});

test('a key without full access learns the reason', async () => {
  for (const [key, reason] of /** @type {const} */ ([
    ['read_access', 'This key has read_access.'],
    ['deployer', "The deployer's key may not see webhooks of any tenant"],
  ])) {
    const { page, api, close } = await openConsole({ path: PATH, key });
    await says(page, reason);
    assert.equal(api.callsOf('GET /webhooks').length, 0, key);
    assert.equal(await page.getByRole('button', { name: 'New webhook' }).count(), 0, key);
    await assertAccessible(page);
    await close();
  }
});

test('the list fits a narrow screen, and works by keyboard', async () => {
  const { page, api, close } = await openConsole({ path: PATH, width: 360 });
  await says(page, 'https://shop.example/hooks/mail');
  await assertNoSideScroll(page);
  await tabTo(page, 'New webhook');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Endpoint');
  await page.keyboard.type('https://hooks.example/');
  await assertNoSideScroll(page);
  await page.keyboard.press('Enter');
  await says(page, 'Copy the signing secret');
  assert.equal(api.callsOf('POST /webhooks')[0]?.body.endpoint, 'https://hooks.example/');
  await close();
});
