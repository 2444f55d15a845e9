// The page Queues: the list with counts and states, and the creation of a queue.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, errors, list, queue, queueCounts, uuid } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

const QUEUES = list([
  queue({ counts: queueCounts({ queued: 1234, held: 5 }) }),
  queue({ name: 'news', priority: 'low', rate_per_second: 20, paused: true, paused_at: at(-60) }),
  queue({ name: 'receipts', suspended: true, held_keys: [uuid(20)] }),
]);

test('the list shows counts and states', async () => {
  const { page, close } = await openConsole({ path: '#/queues', answers: { 'GET /queues': QUEUES } });
  const rows = page.locator('tbody tr');
  await rows.nth(2).waitFor();
  assert.match(await rows.nth(0).innerText(), /default[\s\S]*active[\s\S]*1,234[\s\S]*No limit/);
  assert.match(await rows.nth(1).innerText(), /news[\s\S]*paused[\s\S]*low[\s\S]*20 per second/);
  assert.match(await rows.nth(2).innerText(), /tenant suspended[\s\S]*some emails held/);
  await assertAccessible(page);
  await close();
});

test('a row opens its queue', async () => {
  const { page, close } = await openConsole({ path: '#/queues', answers: { 'GET /queues': QUEUES } });
  await page.getByRole('link', { name: 'news' }).click();
  await page.getByRole('heading', { level: 1, name: 'news' }).waitFor();
  await close();
});

test('a queue is created by keyboard', async () => {
  const { page, api, close } = await openConsole({ path: '#/queues', answers: { 'GET /queues': QUEUES } });
  await page.locator('tbody tr').first().waitFor();
  await tabTo(page, 'Create a queue');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('offers');
  await dialog.getByLabel('Recipients per second').fill('50');
  await dialog.getByLabel('Waits before each retry').fill('60, 300 900');
  assert.match(await dialog.locator('pre').innerText(), /"retry_waits_seconds":\[60,300,900\]/);
  await tabTo(page, 'Create the queue');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'offers' }).waitFor();
  assert.deepEqual(api.callsOf('POST /queues')[0]?.body, {
    name: 'offers',
    rate_per_second: 50,
    retry_waits_seconds: [60, 300, 900],
  });
  await close();
});

test('a refused name is shown beside its field', async () => {
  const { page, close } = await openConsole({
    path: '#/queues',
    answers: { 'POST /queues': errors.invalid('name', 'the maximum of 100 queues is reached') },
  });
  await page.getByRole('button', { name: 'Create a queue' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('offers');
  await dialog.getByLabel('Priority').selectOption('high');
  await dialog.getByRole('button', { name: 'Create the queue' }).click();
  await dialog.locator('.field', { hasText: 'Name' }).getByText('the maximum of 100 queues is reached').waitFor();
  await close();
});

for (const key of /** @type {const} */ (['read_access', 'deployer'])) {
  test(`no creation is offered with the key: ${key}`, async () => {
    const { page, api, close } = await openConsole({ path: '#/queues', key });
    await page.locator('tbody tr').first().waitFor();
    assert.equal(await page.getByRole('button', { name: 'Create a queue' }).count(), 0);
    const tenant = api.callsOf('GET /queues')[0]?.headers['x-mailqueue-tenant'];
    assert.equal(tenant, key === 'deployer' ? 'main' : undefined);
    await close();
  });
}

for (const answer of [errors.tooMany(30), errors.failed(), errors.missing()]) {
  test(`an error says what to do: ${answer.status}`, async () => {
    const { page, api, close } = await openConsole({ path: '#/queues', answers: { 'GET /queues': answer } });
    await page.locator('.problem', { hasText: answer.body.message }).first().waitFor();
    api.answer('GET /queues', QUEUES);
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await page.getByRole('link', { name: 'news' }).waitFor();
    await close();
  });
}

test('an empty list says what to do', async () => {
  const { page, close } = await openConsole({ path: '#/queues', answers: { 'GET /queues': list() } });
  await page.getByText('No queues').waitFor();
  await close();
});

test('the list fits a narrow screen', async () => {
  const long = list([queue({ name: 'q'.repeat(64), paused: true, paused_at: at(-60), suspended: true })]);
  const { page, close } = await openConsole({ path: '#/queues', width: 360, answers: { 'GET /queues': long } });
  await page.locator('tbody tr').first().waitFor();
  await assertNoSideScroll(page);
  await close();
});
