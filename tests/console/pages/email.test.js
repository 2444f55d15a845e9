// The page Email: its facts, history and content, and the actions that its status allows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  at,
  attachment,
  email,
  emailMetadata,
  errors,
  event,
  events,
  FAILED,
  list,
  queue,
  uuid,
  WAITING,
  whole,
} from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

const PATH = `#/emails/${uuid(1)}`;

/** The actions of an email, in the order of the page. */
const ACTIONS = ['Cancel', 'Reschedule', 'Retry', 'Retry with force', 'Erase'];

/** An email that failed, and its history. */
const FAILURE = {
  'GET /emails/:id': email({ ...FAILED, recipients: [{ address: 'ada@customer.example', last_event: 'failed' }] }),
  'GET /emails/:id/events': whole([
    event({ type: 'accepted', attempt: null }),
    event({ type: 'attempt_failed', cause: 'invalid_recipient', diagnostic: '550 No such mailbox' }),
    event({ type: 'failed', attempt: null, cause: 'invalid_recipient' }),
  ]),
};

/**
 * Opens the page of an email.
 * @param {Record<string, any>} fields
 * @param {import('../support/console.js').Options} [more]
 */
async function openEmail(fields, more = {}) {
  const answers = { 'GET /emails/:id': email(fields), ...more.answers };
  const opened = await openConsole({ path: PATH, ...more, answers });
  await opened.page.getByRole('heading', { name: 'Timeline' }).waitFor();
  return opened;
}

/** @param {import('playwright-core').Page} page */
async function offered(page) {
  const names = await page.locator('main button').allInnerTexts();
  return ACTIONS.filter((name) => names.includes(name));
}

test('a failed email shows its cause and the advice in front', async () => {
  const { page, close } = await openConsole({ path: PATH, answers: FAILURE });
  const front = page.getByRole('region', { name: 'Status' });
  await front.waitFor();
  const words = await front.innerText();
  assert.match(words, /failed[\s\S]*Cause: invalid recipient[\s\S]*Missing final[\s\S]*Advice: Correct the address/);
  assert.match(await page.getByRole('region', { name: 'Timeline' }).innerText(), /550 No such mailbox/);
  await assertAccessible(page);
  await close();
});

test('the page has recipients, headers, tags and identifiers', async () => {
  const { page, close } = await openEmail(
    { cc: ['Bob <bob@customer.example>'], recipients: [{ address: 'ada@customer.example', last_event: 'delivered' }] },
    { answers: { 'GET /emails/:id/events': events() } },
  );
  assert.match(await page.getByRole('region', { name: 'Recipients' }).innerText(), /ada@customer[\s\S]*250 2\.0\.0 OK/);
  const headers = await page.getByRole('region', { name: 'Headers' }).innerText();
  assert.match(
    headers,
    /From[\s\S]*shop@mailqueue\.example[\s\S]*Cc[\s\S]*bob@customer\.example[\s\S]*Message-ID[\s\S]*X-Order\s+1042/,
  );
  const details = page.getByRole('region', { name: 'Details' });
  assert.match(await details.innerText(), new RegExp(`kind:order[\\s\\S]*${uuid(1)}[\\s\\S]*0102018f-ses-1`));
  assert.equal(
    await details.getByRole('link', { name: 'kind:order' }).getAttribute('href'),
    '#/emails?tag=kind%3Aorder',
  );
  await close();
});

for (const [state, fields, expected] of /** @type {[string, Record<string, any>, string[]][]} */ ([
  ['scheduled', { ...WAITING, status: 'scheduled', last_event: 'scheduled' }, ['Cancel', 'Reschedule']],
  ['queued', WAITING, ['Cancel', 'Reschedule']],
  ['retry', { ...WAITING, status: 'retry' }, ['Cancel', 'Reschedule']],
  ['retry, maybe sent', { ...WAITING, status: 'retry', maybe_duplicate: true }, ['Reschedule']],
  ['sending', { ...WAITING, status: 'sending' }, []],
  ['uncertain', { ...WAITING, status: 'uncertain' }, []],
  ['failing', { ...FAILED, status: 'failing' }, []],
  ['sent', {}, ['Erase']],
  ['failed', FAILED, ['Retry', 'Erase']],
  ['canceled', { ...WAITING, status: 'canceled', last_event: 'canceled' }, ['Retry', 'Erase']],
  ['expired', { ...FAILED, status: 'expired', cause: 'expired' }, ['Retry', 'Erase']],
  ['unknown', { ...FAILED, status: 'unknown', cause: 'answer_lost' }, ['Retry with force', 'Erase']],
])) {
  test(`actions of a status: ${state}`, async () => {
    const { page, close } = await openEmail(fields);
    assert.deepEqual(await offered(page), expected);
    await close();
  });
}

test('a key for reading is offered no action', async () => {
  const { page, close } = await openEmail(FAILED, { key: 'read_access' });
  assert.deepEqual(await offered(page), []);
  await page.getByRole('button', { name: 'Show content' }).waitFor();
  await close();
});

test('the deployer cancels, and reads no content', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    key: 'deployer',
    answers: {
      'GET /emails/:id': emailMetadata({ status: 'queued', last_event: 'queued', sent_at: null, ses_message_id: null }),
      'GET /emails/:id/events': whole([{ type: 'accepted', created_at: at(-60) }]),
    },
  });
  await page.getByText('Your key may not read the content of emails.').waitFor();
  assert.deepEqual(await offered(page), ['Cancel']);
  assert.equal(await page.getByRole('button', { name: 'Show content' }).count(), 0);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the email' }).click();
  await page.getByText('The email is canceled.').waitFor();
  assert.equal(api.callsOf('POST /emails/:id/cancel')[0]?.headers['x-mailqueue-tenant'], 'main');
  await close();
});

test('an email is canceled by keyboard', async () => {
  const { page, api, close } = await openEmail(WAITING);
  await tabTo(page, 'Cancel');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  assert.match(await dialog.locator('pre').innerText(), /curl -X POST "\$MAILQUEUE_URL\/emails\/.*\/cancel"/);
  api.answer('GET /emails/:id', email({ ...WAITING, status: 'canceled', last_event: 'canceled' }));
  await tabTo(page, 'Cancel the email');
  await page.keyboard.press('Enter');
  await page.getByText('The email is canceled.').waitFor();
  assert.equal(api.callsOf('POST /emails/:id/cancel').length, 1);
  await page.getByRole('button', { name: 'Retry', exact: true }).waitFor();
  await close();
});

test('a command that comes too late shows the words of the API', async () => {
  const { page, close } = await openEmail(WAITING, {
    answers: { 'POST /emails/:id/cancel': errors.conflict('This email was sent. It is too late to change it.') },
  });
  await page.getByRole('button', { name: 'Cancel' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Cancel the email' }).click();
  await dialog.getByText('This email was sent. It is too late to change it.').waitFor();
  await close();
});

test('an email is rescheduled in UTC', async () => {
  const { page, api, close } = await openEmail(WAITING);
  await page.getByRole('button', { name: 'Reschedule' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Send at').fill('2026-12-24T18:00:00');
  assert.match(await dialog.locator('pre').innerText(), /2026-12-24T17:00:00\.000Z/);
  await dialog.getByRole('button', { name: 'Reschedule' }).click();
  await page.getByText('The email is rescheduled.').waitFor();
  assert.deepEqual(api.callsOf('PATCH /emails/:id')[0]?.body, { scheduled_at: '2026-12-24T17:00:00.000Z' });
  await close();
});

test('a refused time is shown beside its field', async () => {
  const { page, close } = await openEmail(WAITING, {
    answers: { 'PATCH /emails/:id': errors.invalid('scheduled_at', "must be before the email's expires_at") },
  });
  await page.getByRole('button', { name: 'Reschedule' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Send at').fill('2026-12-24T18:00:00');
  await dialog.getByLabel('Do not send after').fill('2026-12-24T17:00:00');
  await dialog.getByRole('button', { name: 'Reschedule' }).click();
  await dialog.locator('.field', { hasText: 'Send at' }).getByText("must be before the email's expires_at").waitFor();
  await close();
});

test('a failed email is retried', async () => {
  const { page, api, close } = await openEmail(FAILED);
  api.answer('GET /emails/:id', email(WAITING));
  await page.getByRole('button', { name: 'Retry', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Retry the email' }).click();
  await page.getByText('The email is queued again.').waitFor();
  assert.equal(api.callsOf('POST /emails/:id/retry')[0]?.body, undefined);
  await page.getByRole('button', { name: 'Reschedule' }).waitFor();
  await close();
});

test('a retry with force explains the second copy', async () => {
  const { page, api, close } = await openEmail({ ...FAILED, status: 'unknown', cause: 'answer_lost' });
  await page.getByRole('button', { name: 'Retry with force' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/Amazon SES may have this email already.*A second copy is possible/).waitFor();
  await dialog.getByRole('button', { name: 'Send it again' }).click();
  await page.getByText('The email is queued again.').waitFor();
  assert.deepEqual(api.callsOf('POST /emails/:id/retry')[0]?.body, { force: true });
  await close();
});

test('an erasure needs the typed word, and opens the list', async () => {
  const { page, api, close } = await openEmail({});
  await page.getByRole('button', { name: 'Erase' }).click();
  const dialog = page.getByRole('dialog');
  const submit = dialog.getByRole('button', { name: 'Erase the email' });
  assert.ok(await submit.isDisabled());
  await dialog.getByLabel('Type erase to confirm').fill('erase');
  await submit.click();
  await page.getByRole('heading', { level: 1, name: 'Emails' }).waitFor();
  assert.equal(api.callsOf('DELETE /emails/:id').length, 1);
  await close();
});

test('a waiting email names the pause of its queue', async () => {
  const paused = queue({ name: 'news', paused: true, paused_at: at(-60), pause_reason: 'the shop is closed' });
  const { page, close } = await openEmail(
    { ...WAITING, queue: 'news', next_attempt_at: at(60) },
    { answers: { 'GET /queues/:name': paused } },
  );
  const front = page.getByRole('region', { name: 'Status' });
  await front.getByText('Its queue is paused: the shop is closed.').waitFor();
  assert.equal(await front.getByRole('link', { name: 'Open the queue' }).getAttribute('href'), '#/queues/news');
  await front.getByText(/Next attempt:/).waitFor();
  await close();
});

test('a deleted queue does not hide its waiting email', async () => {
  const { page, close } = await openEmail(WAITING, { answers: { 'GET /queues/:name': errors.missing() } });
  await page.getByRole('region', { name: 'Status' }).getByText('queued').waitFor();
  await close();
});

test('a possible duplicate is marked', async () => {
  const { page, close } = await openEmail({ maybe_duplicate: true });
  await page.getByText('possible duplicate').waitFor();
  await close();
});

test('the content comes on demand, in a sandboxed frame', async () => {
  const { page, api, close } = await openEmail({});
  assert.equal(api.callsOf('POST /emails/:id/preview').length, 0);
  await page.getByRole('button', { name: 'Show content' }).click();
  const frame = page.locator('iframe');
  await frame.waitFor();
  assert.notEqual(await frame.getAttribute('sandbox'), null);
  await page.frameLocator('iframe').getByText('Thank you, Ada.').waitFor();
  await page.getByText('Plain text').click();
  assert.equal(await page.locator('pre', { hasText: 'Thank you, Ada.' }).innerText(), 'Thank you, Ada.');
  await page.getByRole('button', { name: 'Hide content' }).click();
  await page.getByRole('button', { name: 'Show content' }).click();
  await frame.waitFor();
  assert.equal(api.callsOf('POST /emails/:id/preview').length, 1, 'a valid address is used again');
  await close();
});

test('an expired address of the content is renewed', async () => {
  const { page, api, close } = await openEmail(
    {},
    { answers: { 'POST /emails/:id/preview': { object: 'preview', url: '/previews/old', expires_at: at(-1) } } },
  );
  await page.getByRole('button', { name: 'Show content' }).click();
  await page.getByRole('button', { name: 'Hide content' }).click();
  await page.getByRole('button', { name: 'Show content' }).click();
  await page.locator('iframe').waitFor();
  assert.equal(api.callsOf('POST /emails/:id/preview').length, 2);
  await close();
});

test('a deleted content says so', async () => {
  const gone = { html: null, text: null, subject: '', to: [], from: '', recipients: [], attachments: [], tags: [] };
  const { page, close } = await openEmail(gone);
  await page.getByText(/The content is deleted\./).waitFor();
  await page.getByRole('heading', { level: 1, name: 'Email', exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Show content' }).count(), 0);
  await close();
});

test('a content that is deleted meanwhile says so', async () => {
  const { page, close } = await openEmail({}, { answers: { 'POST /emails/:id/preview': errors.missing() } });
  await page.getByRole('button', { name: 'Show content' }).click();
  await page.getByText(/^Not found\./).waitFor();
  assert.equal(await page.locator('iframe').count(), 0);
  await close();
});

test('attachments get download links on demand', async () => {
  const { page, api, close } = await openEmail(
    {},
    {
      answers: { 'GET /emails/:id/attachments': list([attachment()]) },
    },
  );
  await page.getByText('invoice.pdf').waitFor();
  assert.equal(api.callsOf('GET /emails/:id/attachments').length, 0);
  await page.getByRole('button', { name: 'Get download links' }).click();
  const file = page.locator('a[href^="https://bucket.example/"]');
  await file.waitFor();
  assert.match((await file.getAttribute('rel')) ?? '', /noopener noreferrer/);
  await close();
});

test('an unfinished email updates, and a finished one does not', async () => {
  const { page, api, close } = await openEmail({ ...WAITING, status: 'sending' });
  api.answer('GET /emails/:id', email({}));
  await page.getByRole('region', { name: 'Status' }).getByText('delivered').waitFor();
  const calls = api.callsOf('GET /emails/:id').length;
  await page.waitForTimeout(6_000);
  assert.equal(api.callsOf('GET /emails/:id').length, calls);
  await close();
});

test('an update keeps the frame and the open text', async () => {
  const { page, api, close } = await openEmail({ ...WAITING, status: 'sending' });
  await page.getByRole('button', { name: 'Show content' }).click();
  const frame = await page.locator('iframe').elementHandle();
  await page.getByText('Plain text').click();
  api.answer('GET /emails/:id', email({}));
  await page.getByRole('region', { name: 'Status' }).getByText('delivered').waitFor();
  assert.ok(await frame?.evaluate((element) => element.isConnected));
  await page.locator('pre', { hasText: 'Thank you, Ada.' }).waitFor();
  await close();
});

for (const answer of [errors.tooMany(30), errors.failed(), errors.missing()]) {
  test(`an error says what to do: ${answer.status}`, async () => {
    const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /emails/:id': answer } });
    await page.locator('.problem', { hasText: answer.body.message }).waitFor();
    api.answer('GET /emails/:id', email());
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { level: 1, name: 'Your order 1042' }).waitFor();
    await close();
  });
}

test('the page fits a narrow screen', async () => {
  const long = 'a'.repeat(120);
  const { page, close } = await openEmail(
    { ...FAILED, subject: long, detail: long, tags: [{ name: 'kind', value: long }], to: [`${long}@x.example`] },
    { width: 360 },
  );
  await assertNoSideScroll(page);
  await close();
});
