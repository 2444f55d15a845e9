// Every action for emails, failures and queues, done once in the browser and checked by the API.

import assert from 'node:assert/strict';
import test from 'node:test';
import { documents } from '../support/corpus.js';
import { act, eventually, newEmail, newTenant, openOnStack, request, sesFaults, URL_OF_API } from '../support/stack.js';

/** The value of a field for a local time. @param {number} hours from now */
const inHours = (hours) => new Date(Date.now() + hours * 3600_000).toISOString().slice(0, 16);

/** @param {Awaited<ReturnType<typeof newTenant>>} tenant @param {string} id @param {string} status */
const reaches = (tenant, id, status) =>
  eventually(`status ${status}`, async () => (await tenant.get(`/emails/${id}`)).status === status);

// Its answer is lost, which only time settles: the other tests pass it.
const unsure = await newTenant('unsure');
await sesFaults([{ kind: 'drop_before', to: 'unsure@', count: 1 }]);
const lost = await unsure.post('/emails', newEmail({ to: 'unsure@customer.example', on_uncertain: 'hold' }));

test('a scheduled email is rescheduled, canceled, retried and erased', async () => {
  const tenant = await newTenant();
  const { id } = await tenant.post('/emails', newEmail({ scheduled_at: 'in 10 hours' }));
  const before = await tenant.get(`/emails/${id}`);
  const { page, close } = await openOnStack(tenant.key, `#/emails/${id}`);
  await act(page, 'Reschedule', { fields: { 'Send at': inHours(30) }, submit: 'Reschedule' });
  assert.notEqual((await tenant.get(`/emails/${id}`)).scheduled_at, before.scheduled_at);
  await act(page, 'Cancel', { submit: 'Cancel the email' });
  await page.locator('main').getByText('canceled').first().waitFor();
  assert.equal((await tenant.get(`/emails/${id}`)).status, 'canceled');
  await act(page, 'Retry', { submit: 'Retry the email' });
  await reaches(tenant, id, 'sent');
  await act(page, 'Erase', { typed: 'erase', submit: 'Erase the email' });
  const erased = await request('GET', `${URL_OF_API}/emails/${id}`, { key: tenant.key });
  assert.equal(erased.status, 404);
  await close();
});

test('the waiting emails of a From domain are canceled', async () => {
  const tenant = await newTenant();
  const ids = await Promise.all(
    [1, 2, 3].map(async () => (await tenant.post('/emails', newEmail({ scheduled_at: 'in 5 hours' }))).id),
  );
  const { page, close } = await openOnStack(tenant.key, '#/emails?from_domain=mailqueue.example');
  await act(page, 'Cancel these waiting emails', { typed: 'mailqueue.example', submit: 'Cancel the emails' });
  for (const id of ids) await reaches(tenant, id, 'canceled');
  await close();
});

test('the content is shown in its frame, runs no script and fetches nothing', async () => {
  const tenant = await newTenant();
  const bodies = documents('top.document.title=`canary`', 'elsewhere.example');
  const html = `<p>A hostile letter</p>${bodies.filter((body) => !/<(plaintext|frameset|noscript|!--)/i.test(body)).join('\n')}`;
  const file = { filename: 'invoice.txt', content: Buffer.from('Total: 1').toString('base64') };
  const { id } = await tenant.post('/emails', newEmail({ html, attachments: [file] }));
  const expected = [
    /^console: .*(sandbox|Content Security Policy|Not allowed|frame)/i,
    /^request: https?:\/\/elsewhere/,
  ];
  const { page, close } = await openOnStack(tenant.key, `#/emails/${id}`, { expected });
  await act(page, 'Show content');
  await page.frameLocator('main iframe').getByText('A hostile letter').waitFor();
  const url = await page.locator('main iframe').getAttribute('src');
  const answer = await fetch(new URL(url ?? '', URL_OF_API));
  assert.equal(answer.headers.get('content-security-policy')?.split(';')[0], 'sandbox');
  // Chromium connects to the hosts of these despite every policy.
  assert.doesNotMatch(await answer.text(), /<(link|i?frame)\b/i);
  await act(page, 'Get download links');
  const link = page.locator('main a', { hasText: 'invoice.txt' });
  const download = await fetch((await link.getAttribute('href')) ?? '');
  assert.equal(await download.text(), 'Total: 1');
  assert.doesNotMatch(await page.title(), /canary/);
  await close();
});

test('a queue is created, changed, paused, resumed, purged, restored, retried and deleted', async () => {
  const tenant = await newTenant();
  const { page, close } = await openOnStack(tenant.key, '#/queues');
  await act(page, 'Create a queue', { fields: { Name: 'bulk' }, submit: 'Create the queue' });
  await page.locator('main').getByText('bulk').first().waitFor();
  await page.evaluate(() => {
    location.hash = '#/queues/bulk';
  });
  await page.locator('main h1', { hasText: 'bulk' }).waitFor();
  const queue = () => tenant.get('/queues/bulk');
  await act(page, 'Change the settings', { fields: { 'Recipients per second': '5' }, submit: 'Save' });
  assert.equal((await queue()).rate_per_second, 5);
  await act(page, 'Pause', { fields: { Reason: 'a test' }, submit: 'Pause the queue' });
  assert.equal((await queue()).pause_reason, 'a test');
  const { id } = await tenant.post('/emails', newEmail({ queue: 'bulk' }));
  await act(page, 'Purge', { typed: 'bulk', submit: 'Purge the queue' });
  await reaches(tenant, id, 'canceled');
  await act(page, 'Restore', { submit: 'Restore the emails' });
  await eventually('the restored email', async () => (await tenant.get(`/emails/${id}`)).status !== 'canceled');
  await act(page, 'Resume');
  await eventually('the end of the pause', async () => !(await queue()).paused);

  await sesFaults([{ kind: 'reject', to: 'refused@', share: 1 }]);
  const failed = await tenant.post('/emails', newEmail({ queue: 'bulk', to: 'refused@customer.example' }));
  // A sender may know the pause for some seconds, and put the email aside until promote looks again.
  const isFailed = async () => (await tenant.get(`/emails/${failed.id}`)).status === 'failed';
  await eventually('the failure', isFailed, 180_000);
  await sesFaults([]);
  await act(page, 'Retry failed emails', { submit: 'Retry the emails' });
  await eventually('the retry', async () => (await tenant.get(`/emails/${failed.id}`)).status !== 'failed');
  await act(page, 'Delete', {
    fields: { 'Also cancel its waiting emails': true },
    typed: 'bulk',
    submit: 'Delete the queue',
  });
  const gone = await request('GET', `${URL_OF_API}/queues/bulk`, { key: tenant.key });
  assert.equal(gone.status, 404);
  await close();
});

test('an email whose answer is lost is retried with force, and marked', async () => {
  await reaches(unsure, lost.id, 'unknown');
  const { page, close } = await openOnStack(unsure.key, `#/emails/${lost.id}`);
  await act(page, 'Retry with force', { submit: 'Send it again' });
  await reaches(unsure, lost.id, 'sent');
  assert.equal((await unsure.get(`/emails/${lost.id}`)).maybe_duplicate, true);
  await close();
});
