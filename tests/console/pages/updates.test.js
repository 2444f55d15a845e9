// The shared parts in a page: tables, actions and copies, with the page Queues and the page Emails as examples.

import assert from 'node:assert/strict';
import test from 'node:test';
import { errors, list, queue, queueCounts, suppression, uuid } from '../support/answers.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, focused } from '../support/keyboard.js';

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page @param {string} name */
const headingIs = (page, name) => page.getByRole('heading', { level: 1, name, exact: true }).waitFor();

test('a live update keeps the rows, the focus and the scroll position', async () => {
  const queues = Array.from({ length: 40 }, (_, index) => queue({ name: `queue-${index}` }));
  const { page, api, close } = await openConsole({
    path: '#/queues',
    height: 500,
    answers: { 'GET /queues': list(queues) },
  });
  await page.clock.install();
  await page.reload();
  const link = page.getByRole('link', { name: 'queue-30', exact: true });
  await link.focus();
  const before = await page.evaluate(() => {
    const row = /** @type {any} */ (document.querySelector('[data-row="queue-30"]'));
    row.isTheSame = true;
    return scrollY;
  });
  assert.ok(before > 0);
  const counts = queueCounts({ queued: 4711 });
  const changed = queues.slice(2).map((one) => (one.name === 'queue-30' ? { ...one, counts } : one));
  api.answer('GET /queues', list([queue({ name: 'new' }), ...changed]));
  await page.clock.runFor(60_000);
  const row = page.locator('[data-row="queue-30"]');
  await row.getByText('4,711').waitFor();
  assert.equal(await focused(page), 'queue-30');
  assert.equal(await row.evaluate((element) => /** @type {any} */ (element).isTheSame), true);
  const names = await page.locator('tbody tr').evaluateAll((rows) => rows.map((one) => one.dataset['row']));
  assert.deepEqual(names.slice(0, 3), ['new', 'queue-2', 'queue-3']);
  assert.equal(names.length, 39);
  await close();
});

test('a table pages on the server, forth and back', async () => {
  const ids = [1, 2, 3].map((number) => uuid(number));
  const { page, api, close } = await openConsole({
    path: '#/suppressions',
    answers: {
      'GET /suppressions': ({ query }) => {
        const index = query['after'] === undefined ? 0 : ids.indexOf(query['after']) + 1;
        const data = [suppression({ id: ids[index], email: `person-${index + 1}@customer.example` })];
        return { object: 'list', has_more: index < 2, data };
      },
    },
  });
  const isShown = (/** @type {number} */ number) => page.getByText(`person-${number}@customer.example`).waitFor();
  await isShown(1);
  const previous = page.getByRole('button', { name: 'Previous', exact: true });
  const next = page.getByRole('button', { name: 'Next', exact: true });
  assert.equal(await previous.isDisabled(), true);
  await next.click();
  await isShown(2);
  await next.focus();
  await page.keyboard.press('Enter');
  await isShown(3);
  assert.equal(await next.isDisabled(), true);
  assert.equal(await focused(page), 'Previous', 'a disabled button gives the focus on');
  await previous.click();
  await isShown(2);
  assert.deepEqual(
    api.callsOf('GET /suppressions').map(({ query }) => query['after']),
    [undefined, ids[0], ids[1], ids[0]],
  );
  await close();
});

test('a click beside the link of a row opens its page', async () => {
  const { page, close } = await openConsole({ path: '#/emails' });
  await page.getByRole('cell', { name: 'default', exact: true }).click();
  await headingIs(page, 'Your order 1042');
  await close();
});

test('a page that cannot load says what to do, and tries again', async () => {
  const { page, api, close } = await openConsole({ path: '#/queues', answers: { 'GET /queues': errors.failed } });
  await page.getByRole('alert').filter({ hasText: 'An internal error occurred.' }).first().waitFor();
  assert.equal(await page.getByRole('alert').count(), 1);
  api.answer('GET /queues', list([queue({ name: 'orders' })]));
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('link', { name: 'orders', exact: true }).waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
  await close();
});

test('a change that the API can take back offers to undo it', async () => {
  const { page, api, close } = await openConsole({ path: '#/queues/default' });
  await page.getByRole('button', { name: /^Pause/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: /^Pause/ }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.locator('.toast').getByRole('button', { name: 'Resume' }).click();
  await page.locator('.toast').filter({ hasText: 'undone' }).waitFor();
  assert.equal(api.callsOf('POST /queues/:name/pause').length, 1);
  assert.equal(api.callsOf('POST /queues/:name/resume').length, 1);
  await page.getByRole('button', { name: 'Close message' }).click();
  assert.equal(await page.locator('.toast').count(), 0);
  await close();
});

test('a name has to be typed before a purge, and its call is shown', async () => {
  const { page, api, close } = await openConsole({ path: '#/queues/default' });
  await page.getByRole('button', { name: /^Purge/ }).click();
  const dialog = page.getByRole('dialog');
  const confirm = dialog.getByRole('button', { name: /^Purge/ });
  assert.equal(await confirm.isDisabled(), true);
  assert.match((await dialog.locator('pre').textContent()) ?? '', /-X POST "\$MAILQUEUE_URL\/queues\/default\/purge"/);
  await dialog.getByLabel('Type default to confirm').fill('Default');
  assert.equal(await confirm.isDisabled(), true);
  await dialog.getByLabel('Type default to confirm').fill('default');
  await confirm.click();
  await dialog.waitFor({ state: 'detached' });
  assert.equal(api.callsOf('POST /queues/:name/purge').length, 1);
  await close();
});

test('an open dialog survives a live update, and closes when the page is left', async () => {
  const { page, api, close } = await openConsole({ path: '#/queues/default' });
  await page.clock.install();
  await page.reload();
  await page.getByRole('button', { name: /^Purge/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Type default to confirm').fill('def');
  api.answer('GET /queues/{name}', queue({ counts: queueCounts({ queued: 4711 }) }));
  await page.clock.runFor(60_000);
  await page.getByText('4,711').first().waitFor();
  assert.equal(await dialog.getByLabel('Type default to confirm').inputValue(), 'def');
  await page.goBack();
  await dialog.waitFor({ state: 'detached' });
  assert.equal(api.callsOf('POST /queues/:name/purge').length, 0);
  await close();
});

test('a refused clipboard leaves the text selected', async () => {
  const { page, close } = await openConsole({ path: '#/queues/default' });
  await page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error('refused'));
  });
  await page.getByRole('button', { name: /^Purge/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Copy', exact: true }).click();
  const selected = await dialog.getByLabel('Press Ctrl+C to copy').evaluate((area) => {
    const { value, selectionStart, selectionEnd } = /** @type {HTMLTextAreaElement} */ (area);
    return value.slice(selectionStart, selectionEnd);
  });
  assert.equal(selected, (await dialog.locator('pre').textContent()) ?? '');
  await close();
});

test('a copied call has the variables in place of the address and the key', async () => {
  const { page, token, close } = await openConsole({ path: '#/queues/default' });
  await page.evaluate(() => {
    navigator.clipboard.writeText = async (text) => {
      document.body.dataset['copied'] = text;
    };
  });
  await page.getByRole('button', { name: /^Purge/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Copy', exact: true }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  const copied = await page.evaluate(() => document.body.dataset['copied'] ?? '');
  assert.match(copied, /"\$MAILQUEUE_URL\/queues\/default\/purge"/);
  assert.match(copied, /"Authorization: Bearer \$MAILQUEUE_API_KEY"/);
  assert.ok(!copied.includes(token) && !copied.includes('127.0.0.1'));
  await close();
});

test('a reader who wants less motion sees none', async () => {
  const { page, close } = await openConsole({ path: '#/queues' });
  const button = page.getByRole('button', { name: 'Sign out' });
  const duration = () => button.evaluate((element) => getComputedStyle(element).transitionDuration);
  assert.equal(await duration(), '0s');
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  assert.notEqual(await duration(), '0s');
  await close();
});

test('a narrow table shows each row as a card', async () => {
  const { page, close } = await openConsole({ path: '#/queues', width: 360 });
  const cell = page.getByRole('cell').first();
  await cell.waitFor();
  assert.match(await cell.evaluate((one) => getComputedStyle(one, '::before').content), /Queue/);
  await assertNoSideScroll(page);
  await close();
});
