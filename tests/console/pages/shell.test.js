// The frame of the console: sign-in, session, navigation, themes, and live updates of every page.

import assert from 'node:assert/strict';
import test from 'node:test';
import { deployerAccount, errors, list, tenant, uuid } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, focused, tabTo } from '../support/keyboard.js';

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page @param {string} name */
const headingIs = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

/** @param {Page} page */
const storedKey = (page) => page.evaluate(() => sessionStorage.getItem('mailqueue.key'));

/** @param {Page} page */
const offeredPages = (page) => page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allInnerTexts();

/**
 * Waits until a condition holds.
 * @param {() => boolean} condition
 * @param {string} what
 */
async function until(condition, what) {
  for (let wait = 0; wait < 200; wait += 1) {
    if (condition()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`it never happened: ${what}`);
}

/**
 * Moves the clock of a page without waiting.
 * @param {Page} page
 * @param {number} seconds
 */
async function pass(page, seconds) {
  await page.clock.runFor(seconds * 1000);
}

test('a key signs in, and opens the page of the address', async () => {
  const { page, api, token, close } = await openConsole({ path: '#/queues', key: null });
  await headingIs(page, 'Sign in to mailqueue');
  assert.equal(await focused(page), 'API key');
  assert.equal(await page.getByLabel('API key').getAttribute('type'), 'password');
  assert.equal(api.calls.length, 0);
  await page.getByText('make console').waitFor();

  await page.getByLabel('API key').fill(`  ${token} `);
  await page.keyboard.press('Enter');
  await headingIs(page, 'Queues');
  const [first] = api.calls;
  assert.deepEqual([first?.method, first?.path], ['GET', '/account']);
  assert.equal(first?.headers['authorization'], `Bearer ${token}`);
  assert.equal(await storedKey(page), token);
  assert.match(page.url(), /\/console\/#\/queues$/);
  await close();
});

test('a wrong key is refused with the reason, and is not kept', async () => {
  const { page, api, close } = await openConsole({ key: null });
  await page.getByLabel('API key').fill('mq_wrong');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').filter({ hasText: 'API key' }).waitFor();
  assert.equal(await focused(page), 'API key');
  assert.equal(await storedKey(page), null);
  assert.deepEqual(
    api.calls.map(({ path }) => path),
    ['/account'],
  );
  await assertAccessible(page);
  await close();
});

test('a key that may only send is told so', async () => {
  const { page, token, close } = await openConsole({
    key: null,
    answers: { 'GET /account': () => errors.restricted() },
  });
  await page.getByLabel('API key').fill(token);
  await page.keyboard.press('Enter');
  await page.getByText('This API key may only send emails. The console needs a key that may read.').waitFor();
  assert.equal(await storedKey(page), null);
  await close();
});

test('an API that fails during the sign-in is named', async () => {
  const { page, api, token, close } = await openConsole({
    path: '#/queues',
    answers: { 'GET /account': errors.failed },
  });
  await headingIs(page, 'Sign in to mailqueue');
  await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
  api.answer('GET /account', deployerAccount({ tenant: null }));
  await page.getByLabel('API key').fill(token);
  await page.keyboard.press('Enter');
  await headingIs(page, 'Queues');
  await close();
});

test('a revoked key ends the session, and the address stays', async () => {
  const { page, api, token, close } = await openConsole({ path: '#/queues?sort=name' });
  await headingIs(page, 'Queues');
  api.revoke();
  await page.getByRole('link', { name: 'Failures', exact: true }).click();
  await headingIs(page, 'Sign in to mailqueue');
  await page.getByRole('alert').filter({ hasText: 'You are signed out.' }).waitFor();
  assert.equal(await storedKey(page), null);
  assert.match(page.url(), /#\/failures$/);
  assert.ok(!page.url().includes(token));
  const before = api.calls.length;
  await page.waitForTimeout(300);
  assert.equal(api.calls.length, before, 'a signed-out page asks nothing');
  await close();
});

test('a one-time code becomes a key, and leaves the history', async () => {
  const { page, api, close } = await openConsole({ path: '#code=one%2Btime', key: null });
  await headingIs(page, 'Now');
  const [exchange, account] = api.calls;
  assert.deepEqual(
    [exchange?.method, exchange?.path, exchange?.body],
    ['POST', '/console-codes/exchange', { code: 'one+time' }],
  );
  assert.equal(exchange?.headers['authorization'], undefined);
  assert.equal(account?.headers['authorization'], 'Bearer re_exchanged');
  assert.equal(await storedKey(page), 're_exchanged');
  assert.match(page.url(), /\/console\/#\/now$/);
  await page.getByRole('link', { name: 'Queues', exact: true }).click();
  await headingIs(page, 'Queues');
  await page.goBack();
  await headingIs(page, 'Now');
  assert.ok(!page.url().includes('code='));
  await page.reload();
  await headingIs(page, 'Now');
  assert.equal(api.callsOf('POST /console-codes/exchange').length, 1);
  await close();
});

test('a used code leads to the sign-in page, and leaves the history too', async () => {
  const { page, close } = await openConsole({
    path: '#code=used',
    key: null,
    answers: { 'POST /console-codes/exchange': errors.missing },
  });
  await page.getByText('The one-time code is used already, or older than 60 seconds.').waitFor();
  assert.ok(!page.url().includes('used'));
  assert.equal(await storedKey(page), null);
  await close();
});

test('a code that comes to an open page replaces its key', async () => {
  const { page, api, close } = await openConsole({ path: '#/queues' });
  await headingIs(page, 'Queues');
  await page.evaluate(() => {
    location.hash = '#code=fresh';
  });
  await headingIs(page, 'Now');
  assert.equal(await storedKey(page), 're_exchanged');
  assert.equal(api.callsOf('POST /console-codes/exchange').length, 1);
  assert.ok(!page.url().includes('fresh'));
  await close();
});

test('the key is in no address, and signing out forgets it', async () => {
  const { page, api, token, close } = await openConsole({ path: '#/now' });
  /** @type {string[]} */
  const addresses = [];
  page.on('request', (request) => addresses.push(request.url()));
  for (const name of ['Emails', 'Failures', 'Queues', 'Domains', 'Webhooks']) {
    await page.getByRole('link', { name, exact: true }).first().click();
    await headingIs(page, name);
    addresses.push(page.url());
  }
  assert.ok(api.calls.length > 5);
  for (const address of addresses) assert.ok(!address.includes(token), address);
  assert.equal(await page.evaluate(() => document.cookie + JSON.stringify(localStorage)), '{}');

  await page.getByRole('button', { name: 'Sign out' }).click();
  await headingIs(page, 'Sign in to mailqueue');
  assert.equal(await page.evaluate(() => JSON.stringify(sessionStorage)), '{}');
  await close();
});

test('the navigation offers only the pages of the key', async () => {
  const all = ['Now', 'Emails', 'Failures', 'Queues', 'Suppressions', 'Domains', 'Webhooks', 'Keys', 'Account'];
  const expected = /** @type {const} */ ({
    full_access: all,
    read_access: all.filter((name) => name !== 'Webhooks' && name !== 'Keys'),
    deployer: ['Now', 'Emails', 'Failures', 'Queues', 'Domains', 'Keys', 'Tenants', 'Account'],
  });
  for (const key of /** @type {const} */ (['full_access', 'read_access', 'deployer'])) {
    const { page, close } = await openConsole({ path: '#/queues', key });
    await headingIs(page, 'Queues');
    assert.deepEqual(await offeredPages(page), expected[key], key);
    await close();
  }
});

test('the deployer chooses the tenant of the requests', async () => {
  const { page, api, close } = await openConsole({
    path: '#/queues',
    key: 'deployer',
    answers: { 'GET /tenants': list([tenant({ name: 'acme' })]) },
  });
  await headingIs(page, 'Queues');
  assert.equal(api.callsOf('GET /queues')[0]?.headers['x-mailqueue-tenant'], 'main');
  assert.equal(api.callsOf('GET /tenants')[0]?.headers['x-mailqueue-tenant'], undefined);
  await page.getByLabel('Tenant', { exact: true }).selectOption('acme');
  await until(() => api.callsOf('GET /queues').at(-1)?.headers['x-mailqueue-tenant'] === 'acme', 'a call for acme');
  await page.reload();
  await headingIs(page, 'Queues');
  const chooser = page.getByLabel('Tenant', { exact: true });
  assert.equal(await chooser.inputValue(), 'acme');
  api.answer('GET /tenants', list([tenant({ name: 'acme' }), tenant({ name: 'newest' })]));
  await chooser.focus();
  await chooser.locator('option', { hasText: 'newest' }).waitFor({ state: 'attached' });
  assert.equal(await chooser.inputValue(), 'acme');
  await close();
});

test('the keyboard alone reaches every page', async () => {
  const { page, close } = await openConsole({ path: '#/now' });
  await headingIs(page, 'Now');
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
  assert.match(page.url(), /#\/now$/);

  await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
  await tabTo(page, 'Queues');
  await page.keyboard.press('Enter');
  await headingIs(page, 'Queues');
  assert.equal(await focused(page), 'Queues', 'the heading has the focus');
  assert.equal(await page.title(), 'Queues · mailqueue');
  const current = page.locator('nav [aria-current="page"]');
  assert.deepEqual(await current.allInnerTexts(), ['Queues']);
  await close();
});

test('the menu of a narrow screen opens and closes by keyboard', async () => {
  const { page, close } = await openConsole({ path: '#/queues', width: 360 });
  await headingIs(page, 'Queues');
  const menu = page.getByRole('button', { name: 'Menu' });
  assert.equal(await page.getByRole('link', { name: 'Emails', exact: true }).isVisible(), false);
  await tabTo(page, 'Menu');
  await page.keyboard.press('Enter');
  assert.equal(await menu.getAttribute('aria-expanded'), 'true');
  await assertNoSideScroll(page);
  await page.keyboard.press('Escape');
  assert.equal(await menu.getAttribute('aria-expanded'), 'false');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Failures');
  await page.keyboard.press('Enter');
  await headingIs(page, 'Failures');
  assert.equal(await menu.getAttribute('aria-expanded'), 'false');
  await close();
});

test('an unknown address says so', async () => {
  const { page, close } = await openConsole({ path: '#/nothing/here' });
  await headingIs(page, 'Not found');
  await page.getByText('This page does not exist.').waitFor();
  await close();
});

test('a console of an older deployment says that it has to be loaded again', async () => {
  const { page, close } = await openConsole({ path: '#/queues' });
  await headingIs(page, 'Queues');
  await page.route('**/pages/failures.js', (route) => route.fulfill({ status: 404, body: 'Not found.' }));
  await page.getByRole('link', { name: 'Failures', exact: true }).click();
  await headingIs(page, 'Not loaded');
  await page.getByText('mailqueue may have been updated').waitFor();
  await page.unroute('**/pages/failures.js');
  await page.getByRole('button', { name: 'Try again' }).click();
  await headingIs(page, 'Failures');
  await close();
});

test('the theme follows the system, and both are accessible', async () => {
  const { page, close } = await openConsole({ path: '#/queues', dark: true });
  await headingIs(page, 'Queues');
  const surface = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await surface();
  await assertAccessible(page);
  await page.emulateMedia({ colorScheme: 'light' });
  assert.notEqual(await surface(), dark);
  await assertAccessible(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await headingIs(page, 'Sign in to mailqueue');
  await assertAccessible(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  await assertAccessible(page);
  await close();
});

test('live updates stop in a hidden tab, and start again at once', async () => {
  const { page, api, hide, close } = await openConsole({ path: '#/now' });
  await page.clock.install();
  await page.reload();
  await headingIs(page, 'Now');
  await page.getByText(/^Updated /).waitFor();
  const count = () => api.callsOf('GET /queues').length;
  const first = count();
  await pass(page, 60);
  await until(() => count() > first, 'an update in a visible tab');

  await hide();
  await page.waitForLoadState('networkidle');
  const hidden = count();
  await pass(page, 600);
  assert.equal(count(), hidden, 'no update in a hidden tab');

  await hide(false);
  await until(() => count() > hidden, 'an update at once in a visible tab');
  await close();
});

test('a 429 slows the updates down, and a page that is left asks no more', async () => {
  const { page, api, close } = await openConsole({ path: '#/queues' });
  await page.clock.install();
  await page.reload();
  await headingIs(page, 'Queues');
  await page.getByText(/^Updated /).waitFor();
  api.answer('GET /queues', errors.tooMany(120));
  const count = () => api.callsOf('GET /queues').length;
  const before = count();
  await pass(page, 60);
  await page.getByText('Slowed down: too many requests.').waitFor();
  assert.equal(count(), before + 1);
  await pass(page, 55);
  assert.equal(count(), before + 1, 'the wait is at least retry-after');
  api.answer('GET /queues', list([]));
  await pass(page, 70);
  await until(() => count() > before + 1, 'the next attempt');

  await page.getByRole('link', { name: 'Failures', exact: true }).click();
  await headingIs(page, 'Failures');
  const left = count();
  await pass(page, 600);
  assert.equal(count(), left, 'a page that is left asks no more');
  await close();
});

test('a request in flight ends when the page is left', async () => {
  const { page, close } = await openConsole({
    path: '#/queues',
    answers: { 'GET /emails/{id}': () => ({ ...errors.failed(), delayMs: 60_000 }) },
  });
  await headingIs(page, 'Queues');
  const ended = page.waitForEvent('requestfailed', (request) => request.url().endsWith(`/emails/${uuid(1)}`));
  await page.evaluate((id) => {
    location.hash = `#/emails/${id}`;
  }, uuid(1));
  await page.waitForRequest((request) => request.url().endsWith(`/emails/${uuid(1)}`));
  await page.getByRole('link', { name: 'Queues', exact: true }).click();
  assert.match((await ended).failure()?.errorText ?? '', /ABORTED/);
  await headingIs(page, 'Queues');
  await close();
});

test('a dialog shows its call while the reader types', async () => {
  const { page, api, token, close } = await openConsole({ path: '#/queues' });
  await headingIs(page, 'Queues');
  await page
    .getByRole('button', { name: /^Create/ })
    .first()
    .click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill("it's");
  const call = dialog.locator('pre');
  assert.match((await call.textContent()) ?? '', /"name":"it'\\''s"/);
  assert.match((await call.textContent()) ?? '', /\$MAILQUEUE_API_KEY/);
  assert.ok(!((await dialog.textContent()) ?? '').includes(token));
  await dialog.getByLabel('Name').fill('orders');
  assert.match((await call.textContent()) ?? '', /"name":"orders"/);
  api.answer('POST /queues', errors.invalid('name', 'must have lower-case letters, digits and dashes'));
  await dialog.getByLabel('Name').press('Enter');
  await dialog.getByRole('alert').filter({ hasText: 'lower-case' }).waitFor();
  assert.equal(await dialog.getByLabel('Name').getAttribute('aria-invalid'), 'true');
  await assertAccessible(page);
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.match(await focused(page), /^Create/);
  await close();
});
