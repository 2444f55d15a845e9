// The walk of a new user: 200 emails were sent with faults on. By the console alone, he finds why a given email failed,
// retries those that can be, pauses a queue, sees the bounce rate, and releases a suppressed address.

import assert from 'node:assert/strict';
import test from 'node:test';
import { act, eventually, newEmail, newTenant, openOnStack, request, sesFaults, URL_OF_API } from '../support/stack.js';

const REJECTED = 12;
const BOUNCED = 10;
const ALL = 200;
const BATCH = 100;

/** The recipient of email `number`. @param {number} number */
function recipient(number) {
  if (number < REJECTED) return `reject-${number}@customer.example`;
  if (number < REJECTED + BOUNCED) return `bounce-${number}@customer.example`;
  return `customer-${number}@customer.example`;
}

const GIVEN = recipient(7);
const BOUNCING = recipient(REJECTED);

/** @param {Awaited<ReturnType<typeof newTenant>>} tenant */
async function sendAll(tenant) {
  await sesFaults([
    { kind: 'reject', to: 'reject-', share: 1 },
    { kind: 'bounce', to: 'bounce-', share: 1 },
  ]);
  const emails = Array.from({ length: ALL }, (_, number) =>
    newEmail({ to: recipient(number), subject: `Order ${number}` }),
  );
  /** @type {string[]} */
  const ids = [];
  for (let start = 0; start < ALL; start += BATCH) {
    const { data } = await tenant.post('/emails/batch', emails.slice(start, start + BATCH));
    ids.push(...data.map((/** @type {{id: string}} */ { id }) => id));
  }
  await eventually(
    'the end of all emails',
    async () => {
      const { totals } = await tenant.get(`/emails/metrics?start_date=${today()}&metrics=sent,failed,bounced`);
      return totals.sent >= ALL - REJECTED && totals.failed >= REJECTED && totals.bounced >= BOUNCED;
    },
    120_000,
  );
  return ids;
}

const today = () => new Date(Date.now() - 3600_000).toISOString();

test('a new user gets along with the console alone', async () => {
  const tenant = await newTenant('walk');
  const ids = await sendAll(tenant);
  const { page, go, close } = await openOnStack(tenant.key, '#/now');
  const main = page.locator('main');

  // The start page says that emails failed, and how many bounced.
  await main.getByText(/Failed emails/).waitFor();
  await main
    .getByText(/5\.3\d?%|5\.3/)
    .first()
    .waitFor();

  // Why did the email to this customer fail?
  await page.getByRole('link', { name: 'Emails', exact: true }).click();
  await main.getByLabel('Recipient', { exact: true }).fill(GIVEN);
  await main.getByLabel('Recipient', { exact: true }).press('Enter');
  const row = main.locator('tbody tr', { hasText: GIVEN });
  await row.waitFor();
  assert.equal(await main.locator('tbody tr').count(), 1);
  await row.getByRole('link').first().click();
  await main.locator('h1', { hasText: 'Order 7' }).waitFor();
  await main.getByText('rejected').first().waitFor();
  await main
    .getByText(/MessageRejected/)
    .first()
    .waitFor();

  // The reason is gone; all that failed of it are retried.
  await request('DELETE', `${process.env['INBOX_URL']}/faults`);
  await page.getByRole('link', { name: 'Failures', exact: true }).click();
  const cause = main.locator('tbody tr', { hasText: 'rejected' });
  await cause.waitFor();
  assert.match(await cause.innerText(), new RegExp(`\\b${REJECTED}\\b`));
  await act(page, 'Retry these', { within: cause, submit: 'Retry' });
  await main.getByText(new RegExp(`Retry of default: ${REJECTED} emails`)).waitFor({ timeout: 60_000 });
  await eventually('the delivery of the retried emails', async () => {
    const states = await Promise.all(ids.slice(0, REJECTED).map((id) => tenant.get(`/emails/${id}`)));
    return states.every(({ status }) => status === 'sent');
  });

  // A queue is paused.
  await go('#/queues/default');
  await act(page, 'Pause', { fields: { Reason: 'the shop is closed' }, submit: 'Pause the queue' });
  await main.getByText('the shop is closed').first().waitFor();
  const queue = await tenant.get('/queues/default');
  assert.deepEqual([queue.paused, queue.pause_reason], [true, 'the shop is closed']);

  // A suppressed address is released.
  await page.getByRole('link', { name: 'Suppressions', exact: true }).click();
  const address = main.locator('tbody tr', { hasText: BOUNCING });
  await address.waitFor();
  await act(page, 'Release', { within: address });
  await address.waitFor({ state: 'detached' });
  const { status } = await request('GET', `${URL_OF_API}/suppressions/${encodeURIComponent(BOUNCING)}`, {
    key: tenant.key,
  });
  assert.equal(status, 404);
  await close();
});
