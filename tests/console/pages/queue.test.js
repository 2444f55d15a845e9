// The page Queue: its state, counts and settings, its actions, and the progress of jobs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, errors, job, queue, queueCounts, uuid } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

const PATH = '#/queues/news';

/** The actions of a queue, in the order of the page. */
const ACTIONS = ['Resume', 'Change the pause', 'Pause', 'Change the settings', 'Retry failed emails', 'Purge'];
const MORE = ['Restore', 'Delete'];

/**
 * Opens the page of the queue `news`.
 * @param {Record<string, any>} [fields]
 * @param {import('../support/console.js').Options} [more]
 */
async function openQueue(fields = {}, more = {}) {
  const answers = { 'GET /queues/:name': queue({ name: 'news', ...fields }), ...more.answers };
  const opened = await openConsole({ path: PATH, ...more, answers });
  await opened.page.getByRole('heading', { name: 'Settings' }).waitFor();
  return opened;
}

/** Opens the dialog of an action. @param {import('playwright-core').Page} page @param {string} name */
async function dialogOf(page, name) {
  await page.getByRole('button', { name, exact: true }).click();
  return page.getByRole('dialog');
}

/** @param {import('playwright-core').Page} page */
async function offered(page) {
  const names = await page.locator('main button').allInnerTexts();
  return [...ACTIONS, ...MORE].filter((name) => names.includes(name));
}

test('the page shows state, counts and settings', async () => {
  const { page, close } = await openQueue({
    paused: true,
    paused_at: at(-60),
    paused_until: at(3600),
    pause_reason: 'the shop is closed',
    rate_per_second: 20,
    default_expires_in_seconds: 7200,
    retry_waits_seconds: [60, 300],
    counts: queueCounts({ queued: 1234, held: 7 }),
  });
  assert.match(
    await page.getByRole('region', { name: 'State' }).innerText(),
    /paused[\s\S]*until[\s\S]*shop is closed/,
  );
  const emails = page.getByRole('region', { name: 'Emails' });
  assert.match(await emails.innerText(), /1,234[\s\S]*Held[\s\S]*7/);
  const href = await emails.getByRole('link', { name: 'Its failed emails' }).getAttribute('href');
  assert.equal(href, '#/emails?queue=news&status=failed');
  const settings = await page.getByRole('region', { name: 'Settings' }).innerText();
  assert.match(settings, /normal[\s\S]*20 recipients per second[\s\S]*2 h[\s\S]*1 min, 5 min/);
  await assertAccessible(page);
  await close();
});

for (const [key, fields, expected] of /** @type {[any, Record<string, any>, string[]][]} */ ([
  ['full_access', {}, ['Pause', 'Change the settings', 'Retry failed emails', 'Purge', 'Delete']],
  [
    'full_access',
    { paused: true, paused_at: at(-60), purged_before: at(-60) },
    ['Resume', 'Change the pause', 'Change the settings', 'Retry failed emails', 'Purge', 'Restore', 'Delete'],
  ],
  ['full_access', { name: 'default' }, ['Pause', 'Change the settings', 'Retry failed emails', 'Purge']],
  ['deployer', { purged_before: at(-60) }, ['Pause', 'Purge']],
  ['read_access', { purged_before: at(-60) }, []],
])) {
  test(`actions of ${key} for ${JSON.stringify(Object.keys(fields))}`, async () => {
    const { page, close } = await openQueue(fields, { key });
    assert.deepEqual(await offered(page), expected);
    await close();
  });
}

test('a queue is paused by keyboard, with a reason and an end', async () => {
  const { page, api, close } = await openQueue();
  await tabTo(page, 'Pause');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill("It's closed");
  await dialog.getByLabel('Until').fill('2026-12-24T18:00:00');
  assert.match(await dialog.locator('pre').innerText(), /It'\\''s closed/);
  api.answer('GET /queues/:name', queue({ name: 'news', paused: true, paused_at: at(), pause_reason: "It's closed" }));
  await tabTo(page, 'Pause the queue');
  await page.keyboard.press('Enter');
  await page.getByText("Reason: It's closed").waitFor();
  assert.deepEqual(api.callsOf('POST /queues/:name/pause')[0]?.body, {
    reason: "It's closed",
    until: '2026-12-24T17:00:00.000Z',
  });
  await page.locator('.toast').getByRole('button', { name: 'Resume' }).click();
  await page.waitForFunction(() => !document.querySelector('.toast-good button.button:not(.button-quiet)'));
  assert.equal(api.callsOf('POST /queues/:name/resume').length, 1);
  await close();
});

test('a pause needs no reason and no end', async () => {
  const { page, api, close } = await openQueue();
  const dialog = await dialogOf(page, 'Pause');
  await dialog.getByRole('button', { name: 'Pause the queue' }).click();
  await page.getByText('The queue is paused.').waitFor();
  assert.deepEqual(api.callsOf('POST /queues/:name/pause')[0]?.body, {});
  await close();
});

test('a refused end of a pause is shown beside its field', async () => {
  const { page, close } = await openQueue(
    {},
    { answers: { 'POST /queues/:name/pause': errors.invalid('until', 'must be in the future') } },
  );
  const dialog = await dialogOf(page, 'Pause');
  await dialog.getByLabel('Until').fill('2020-12-24T18:00:00');
  await dialog.getByRole('button', { name: 'Pause the queue' }).click();
  await dialog.locator('.field', { hasText: 'Until' }).getByText('must be in the future').waitFor();
  await close();
});

test('a queue is resumed at once', async () => {
  const { page, api, close } = await openQueue({ paused: true, paused_at: at(-60) });
  api.answer('GET /queues/:name', queue({ name: 'news' }));
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await page.getByText('The queue is resumed.').waitFor();
  await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
  assert.equal(api.callsOf('POST /queues/:name/resume').length, 1);
  await close();
});

test('a change sends only the settings that differ', async () => {
  const { page, api, close } = await openQueue({ rate_per_second: 20, retry_waits_seconds: [60] });
  const dialog = await dialogOf(page, 'Change the settings');
  await dialog.getByLabel('Priority').selectOption('low');
  await dialog.getByLabel('Recipients per second').fill('');
  await dialog.getByLabel('Seconds until an email expires').fill('3600');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The settings are saved.').waitFor();
  assert.deepEqual(api.callsOf('PATCH /queues/:name')[0]?.body, {
    priority: 'low',
    rate_per_second: null,
    default_expires_in_seconds: 3600,
  });
  await close();
});

test('the default queue keeps its priority and expiry', async () => {
  const { page, api, close } = await openQueue({ name: 'default' }, { path: '#/queues/default' });
  const dialog = await dialogOf(page, 'Change the settings');
  assert.equal(await dialog.getByLabel('Priority').count(), 0);
  await dialog.getByLabel('Waits before each retry').fill('30');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('The settings are saved.').waitFor();
  assert.deepEqual(api.callsOf('PATCH /queues/:name')[0]?.body, { retry_waits_seconds: [30] });
  await page.getByText('The default queue cannot be deleted.').waitFor();
  await close();
});

test('a purge needs the name, shows its job, and can be undone', async () => {
  const { page, api, close } = await openQueue(
    {},
    {
      answers: {
        'POST /queues/:name/purge': { object: 'job', id: uuid(80), before: at() },
        'POST /queues/:name/restore': { object: 'job', id: uuid(81) },
        'GET /queues/:name/jobs/:id': (call) =>
          job({ id: call.path.slice(-36), emails: call.path.endsWith(uuid(80)) ? 9 : 8 }),
      },
    },
  );
  const dialog = await dialogOf(page, 'Purge');
  const submit = dialog.getByRole('button', { name: 'Purge the queue' });
  assert.ok(await submit.isDisabled());
  await dialog.getByLabel('Type news to confirm').fill('news');
  api.answer('GET /queues/:name', queue({ name: 'news', purged_before: at() }));
  await submit.click();
  await page.getByText('Purge: 9 emails (done)').waitFor();
  await page
    .getByRole('region', { name: 'State' })
    .getByText(/Purged: emails accepted before/)
    .waitFor();
  await page.locator('.toast').getByRole('button', { name: 'Restore' }).click();
  await page.getByText('Restore: 8 emails (done)').waitFor();
  assert.equal(api.callsOf('POST /queues/:name/purge').length, 1);
  assert.equal(api.callsOf('POST /queues/:name/restore').length, 1);
  await close();
});

test('a purge can be undone later', async () => {
  const { page, api, close } = await openQueue({ purged_before: at(-60) });
  const dialog = await dialogOf(page, 'Restore');
  await dialog.getByRole('button', { name: 'Restore the emails' }).click();
  await page.getByText(/^Restore: 4 emails/).waitFor();
  assert.equal(api.callsOf('POST /queues/:name/restore').length, 1);
  await close();
});

test('failed emails are retried, and the progress survives a reload', async () => {
  const { page, api, close } = await openQueue(
    {},
    {
      answers: { 'GET /queues/:name/jobs/:id': job({ done: false, emails: 3 }) },
    },
  );
  const dialog = await dialogOf(page, 'Retry failed emails');
  await dialog.getByLabel('Cause').selectOption('unverified_sender');
  await dialog.getByLabel('Failed since').fill('2026-11-24T10:00:00');
  await dialog.getByRole('button', { name: 'Retry the emails' }).click();
  await page.getByText('Retry: 3 emails').waitFor();
  assert.deepEqual(api.callsOf('POST /queues/:name/retry')[0]?.body, {
    cause: 'unverified_sender',
    since: '2026-11-24T09:00:00.000Z',
  });
  assert.ok(page.url().endsWith(`?job=${uuid(80)}`));
  await page.reload();
  await page.getByText('Job: 3 emails').waitFor();
  api.answer('GET /queues/:name/jobs/:id', job({ emails: 12 }));
  await page.getByText('Job: 12 emails (done)').waitFor();
  const calls = api.callsOf('GET /queues/:name/jobs/:id').length;
  await page.waitForTimeout(3_000);
  assert.equal(api.callsOf('GET /queues/:name/jobs/:id').length, calls, 'a done job is not read again');
  await close();
});

test('a job that is gone says so', async () => {
  const { page, close } = await openConsole({
    path: `${PATH}?job=${uuid(80)}`,
    answers: { 'GET /queues/:name/jobs/:id': errors.missing() },
  });
  await page.locator('.jobs .problem').waitFor();
  await close();
});

test('a deletion needs the name, and cancels only on demand', async () => {
  const { page, api, close } = await openQueue(
    {},
    {
      answers: {
        'DELETE /queues/:name': (call) =>
          call.query['cancel'] === 'true'
            ? { object: 'queue', name: 'news', deleted: true }
            : errors.conflict('This queue still has 7 emails.'),
      },
    },
  );
  const dialog = await dialogOf(page, 'Delete');
  await dialog.getByLabel('Type news to confirm').fill('news');
  await dialog.getByRole('button', { name: 'Delete the queue' }).click();
  await dialog.getByText('This queue still has 7 emails.').waitFor();
  await dialog.getByLabel('Also cancel its waiting emails').check();
  await dialog.getByRole('button', { name: 'Delete the queue' }).click();
  await page.getByRole('heading', { level: 1, name: 'Queues' }).waitFor();
  assert.deepEqual(
    api.callsOf('DELETE /queues/:name').map((call) => call.query),
    [{}, { cancel: 'true' }],
  );
  await close();
});

test('the emails of a held key are released', async () => {
  const key = uuid(20);
  const { page, api, close } = await openQueue(
    { held_keys: [key], held_domains: ['old.example'], lost_domains_held: true },
    {
      answers: {
        'POST /emails/release': { object: 'release', key, released: true, emails: 3, counted_all: true, job: uuid(82) },
      },
    },
  );
  await page.getByText('Amazon SES stopped sending for').waitFor();
  const dialog = await dialogOf(page, `Release ${key.slice(0, 8)}`);
  await dialog.getByRole('button', { name: 'Release the emails' }).click();
  await page.getByText('The emails are released.').waitFor();
  assert.deepEqual(api.callsOf('POST /emails/release')[0]?.query, { key });
  await close();
});

for (const answer of [errors.tooMany(30), errors.failed(), errors.missing()]) {
  test(`an error says what to do: ${answer.status}`, async () => {
    const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /queues/:name': answer } });
    await page.locator('.problem', { hasText: answer.body.message }).waitFor();
    api.answer('GET /queues/:name', queue({ name: 'news' }));
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    await close();
  });
}

test('the page fits a narrow screen', async () => {
  const { page, close } = await openQueue(
    { paused: true, paused_at: at(-60), pause_reason: 'x'.repeat(200), held_keys: [uuid(20)] },
    { width: 360 },
  );
  await assertNoSideScroll(page);
  await close();
});
