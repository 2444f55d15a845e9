// Every page opens with real data, at both widths, for a tenant's key and for the deployer's.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertNoSideScroll } from '../support/keyboard.js';
import { DEPLOYER_KEY, eventually, newEmail, newTenant, openOnStack } from '../support/stack.js';

/** A tenant with something on every page. */
async function furnished() {
  const tenant = await newTenant('pages');
  await tenant.post('/queues', { name: 'bulk', priority: 'low', rate_per_second: 3 });
  const { id } = await tenant.post('/emails', newEmail({ tags: [{ name: 'kind', value: 'order' }] }));
  await tenant.post('/emails', newEmail({ scheduled_at: 'in 3 hours', queue: 'bulk' }));
  await tenant.post('/suppressions', { email: 'gone@customer.example' });
  const webhook = await tenant.post('/webhooks', { endpoint: 'http://127.0.0.1:9/', events: ['email.delivered'] });
  await eventually('the delivery', async () => (await tenant.get(`/emails/${id}`)).last_event === 'delivered');
  return { tenant, id, webhook: webhook.id };
}

/** @param {import('playwright-core').Page} page @param {string} path */
async function assertShown(page, path) {
  const main = page.locator('main');
  await main.locator('h1').waitFor();
  await page.waitForLoadState('networkidle');
  const problems = await main.locator('.problem:visible').allInnerTexts();
  assert.deepEqual(problems, [], path);
  await assertNoSideScroll(page);
}

for (const width of [1440, 360]) {
  test(`every page opens at ${width} pixels`, async () => {
    const { tenant, id, webhook } = await furnished();
    const paths = ['#/now', '#/emails', `#/emails/${id}`, '#/failures', '#/queues', '#/queues/bulk', '#/suppressions'];
    const more = ['#/domains', '#/webhooks', `#/webhooks/${webhook}`, '#/keys', '#/account'];
    const { page, go, close } = await openOnStack(tenant.key, '#/now', { width });
    for (const path of [...paths, ...more]) {
      await go(path);
      await assertShown(page, path);
    }
    await close();
  });
}

test('every page of the deployer opens', async () => {
  const { page, go, close } = await openOnStack(DEPLOYER_KEY, '#/now');
  for (const path of ['#/now', '#/tenants', '#/account', '#/keys', '#/queues', '#/emails']) {
    await go(path);
    await assertShown(page, path);
  }
  await close();
});
