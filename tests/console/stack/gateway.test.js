// The gateway answers 429 and 500 itself, with bodies that are not the API's. The page says so and goes on.

import assert from 'node:assert/strict';
import test from 'node:test';
import { gatewayFaults, newTenant, openOnStack } from '../support/stack.js';

for (const [status, words] of /** @type {[number, RegExp][]} */ ([
  [429, /too many requests/i],
  [500, /error/i],
  [503, /./],
])) {
  test(`an answer ${status} of the gateway is shown, and a new try works`, async () => {
    const tenant = await newTenant();
    // Its module has the same words in its path as the call, so it is loaded before the fault.
    const { page, go, close } = await openOnStack(tenant.key, '#/suppressions');
    await page.getByRole('heading', { name: 'Suppressions' }).waitFor();
    await go('#/queues');
    await page.getByRole('link', { name: 'default' }).first().waitFor();
    await gatewayFaults([{ status, count: 3, path: '/suppressions' }]);
    await go('#/suppressions');
    const problem = page.locator('main .problem').first();
    await problem.waitFor();
    assert.match(await problem.innerText(), words);
    await gatewayFaults([]);
    await problem.getByRole('button', { name: 'Try again' }).click();
    await problem.waitFor({ state: 'detached' });
    await close();
  });
}
