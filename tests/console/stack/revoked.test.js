// A key that is revoked while the page is open ends the session, and the page says why.

import assert from 'node:assert/strict';
import test from 'node:test';
import { KEY_PLACE } from '../support/console.js';
import { deployer, eventually, newTenant, openOnStack, request, URL_OF_API } from '../support/stack.js';

test('a revoked key ends the session', async () => {
  const tenant = await newTenant();
  const { page, go, close } = await openOnStack(tenant.key, '#/queues');
  await page.getByRole('link', { name: 'default' }).first().waitFor();
  await deployer.delete(`/api-keys/${tenant.keyId}`);
  // Functions keep a valid key for a few seconds.
  await eventually('the end of the key', async () => {
    const { status } = await request('GET', `${URL_OF_API}/suppressions`, { key: tenant.key });
    return status === 403;
  });
  await go('#/suppressions');
  await page
    .getByText(/signed out/i)
    .first()
    .waitFor();
  assert.equal(await page.evaluate((place) => sessionStorage.getItem(place), KEY_PLACE), null);
  const other = await newTenant();
  await page.getByLabel(/API key/i).fill(other.key);
  await page.keyboard.press('Enter');
  await page.locator('main h1', { hasText: 'Suppressions' }).waitFor();
  await close();
});
