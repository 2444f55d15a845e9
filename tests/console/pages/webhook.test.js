// One webhook: its health, every action, its events, and one event with its attempts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  at,
  errors,
  eventId,
  list,
  uuid,
  webhook,
  webhookAttempt,
  webhookEvent,
  webhookEventSummary,
} from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

const ID = uuid(50);
const PATH = `#/webhooks/${ID}`;
const EVENT = eventId(1);
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const HOSTILE = '<img src=x onerror=alert(1)>';

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page @param {string} text */
const says = (page, text) => page.getByText(text).first().waitFor();

/** @param {Page} page */
const dialog = (page) => page.getByRole('dialog');

/** Opens the dialog of an action. @param {Page} page @param {string} name */
const act = (page, name) => page.locator('main').getByRole('button', { name, exact: true }).first().click();

/** Presses the button of the open dialog. @param {Page} page @param {string} name */
const confirm = (page, name) => dialog(page).getByRole('button', { name, exact: true }).click();

/** @param {Record<string, any>} overrides */
const answering = (overrides) => ({ 'GET /webhooks/:id': webhook({ signing_secret: SECRET, ...overrides }) });

test('a webhook shows its settings, and its secret on demand', async () => {
  const { page, close } = await openConsole({ path: PATH, answers: answering({}) });
  await page.getByRole('heading', { level: 1, name: 'https://shop.example/hooks/mail' }).waitFor();
  assert.equal(await page.getByText(SECRET).isVisible(), false);
  await page.locator('main').getByText('Show', { exact: true }).click();
  await page.getByText(SECRET).waitFor();
  await page.getByRole('button', { name: 'Copy the secret' }).waitFor();
  await assertAccessible(page);
  await close();
});

test('a secret that nobody can decrypt shows the remedy', async () => {
  const remedy = 'Nobody can decrypt the signing secret any more. Rotate it.';
  const { page, close } = await openConsole({
    path: PATH,
    answers: { 'GET /webhooks/:id': webhook({ signing_secret_error: remedy }) },
  });
  await says(page, remedy);
  await close();
});

test('the health of the endpoint says why and what helps', async () => {
  const { page, api, close } = await openConsole({ path: PATH });
  for (const [state, said] of /** @type {const} */ ([
    [{ state: 'failing', failing_since: at(-7200), disables_at: at(86_400) }, 'Every attempt has failed since'],
    [{ status: 'disabled', disabled_by: 'gone' }, 'The endpoint answered 410 Gone'],
    [{ status: 'disabled', disabled_by: 'failures' }, 'Every attempt of five days failed'],
    [{ status: 'disabled', disabled_by: 'caller' }, 'The webhook is disabled.'],
  ])) {
    api.answer('GET /webhooks/:id', webhook(state));
    await page.reload();
    await says(page, said);
    if ('failing_since' in state) await says(page, 'disables the webhook');
    const tests = await page.getByRole('button', { name: 'Send a test event' }).count();
    assert.equal(tests, 'status' in state ? 0 : 1);
  }
  await close();
});

test('a change sends only new values, and can be undone', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: answering({}) });
  await act(page, 'Change');
  await dialog(page).getByLabel('Endpoint').fill('https://new.example/hooks');
  await dialog(page).getByLabel('email.opened').check();
  await confirm(page, 'Change');
  await says(page, 'The webhook is changed.');
  await page.getByRole('button', { name: 'Undo' }).click();
  await says(page, 'undone');
  const bodies = api.callsOf(`PATCH /webhooks/${ID}`).map(({ body }) => body);
  assert.deepEqual(bodies, [
    { endpoint: 'https://new.example/hooks', events: ['email.delivered', 'email.bounced', 'email.opened'] },
    { endpoint: 'https://shop.example/hooks/mail', events: ['email.delivered', 'email.bounced'] },
  ]);
  await close();
});

test('the notes of a change are shown', async () => {
  const { page, close } = await openConsole({
    path: PATH,
    answers: {
      ...answering({ events: ['email.sent', 'contact.created'] }),
      'PATCH /webhooks/:id': { object: 'webhook', id: ID, warnings: ['contact.created never comes'] },
    },
  });
  await act(page, 'Change');
  assert.equal(await dialog(page).getByLabel('contact.created').isChecked(), true);
  await confirm(page, 'Change');
  await says(page, 'contact.created never comes');
  await close();
});

test('a webhook is disabled and enabled', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: answering({}) });
  await act(page, 'Disable');
  api.answer('GET /webhooks/:id', webhook({ status: 'disabled', disabled_by: 'caller' }));
  await confirm(page, 'Disable');
  await says(page, 'The webhook is disabled.');
  await page.getByRole('button', { name: 'Enable', exact: true }).waitFor();
  api.answer('GET /webhooks/:id', webhook());
  await act(page, 'Enable');
  await page.getByRole('button', { name: 'Disable', exact: true }).waitFor();
  const bodies = api.callsOf(`PATCH /webhooks/${ID}`).map(({ body }) => body);
  assert.deepEqual(bodies, [{ status: 'disabled' }, { status: 'enabled' }]);
  await close();
});

test('the secret is rotated, and the new one is shown', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: answering({}) });
  await act(page, 'Rotate the secret');
  await says(page, 'For 24 hours each delivery is also signed with the secret before it.');
  await dialog(page).getByLabel('Your own signing secret').fill('whsec_b3du');
  await confirm(page, 'Rotate');
  await says(page, 'whsec_cm90YXRlZA==');
  assert.deepEqual(api.callsOf('POST /webhooks/:id/signing-secret/rotate')[0]?.body, { signing_secret: 'whsec_b3du' });
  await close();
});

test('a test event of a type is sent', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: answering({}) });
  await act(page, 'Send a test event');
  await dialog(page).getByLabel('Type').selectOption('email.bounced');
  await confirm(page, 'Send');
  await says(page, 'The test event is on its way.');
  assert.deepEqual(api.callsOf('POST /webhooks/:id/test')[0]?.body, { type: 'email.bounced' });
  await close();
});

test('a recovery shows its progress, also after a reload', async () => {
  const job = { object: 'job', id: uuid(81), done: false, emails: 12, events: 30 };
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: { ...answering({}), 'GET /webhooks/:id/jobs/:job': job },
  });
  await act(page, 'Recover events');
  await dialog(page).getByLabel('From').fill('2026-11-24T10:30:00');
  await dialog(page).getByLabel('Events').selectOption('all');
  await confirm(page, 'Recover');
  await says(page, '30 events to send again, 12 emails examined so far');
  const recover = api.callsOf('POST /webhooks/:id/recover')[0];
  assert.deepEqual(recover?.body, { since: '2026-11-24T09:30:00.000Z', only: 'all' });

  api.answer('GET /webhooks/:id/jobs/:job', { ...job, done: true, emails: 40, events: 55 });
  await page.reload();
  await says(page, 'The recovery is done: 55 events to send again, 40 emails examined.');
  assert.equal(api.callsOf(`GET /webhooks/${ID}/jobs/${uuid(81)}`).length >= 2, true);
  await close();
});

test('a second recovery is refused in words', async () => {
  const { page, close } = await openConsole({
    path: PATH,
    answers: {
      ...answering({}),
      'POST /webhooks/:id/recover': errors.conflict('This webhook has a recovery that is not done.'),
    },
  });
  await act(page, 'Recover events');
  await dialog(page).getByLabel('From').fill('2026-11-24T10:30:00');
  await confirm(page, 'Recover');
  await says(page, 'This webhook has a recovery that is not done.');
  await close();
});

test('a deletion needs the typed endpoint', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: answering({}) });
  await act(page, 'Delete');
  assert.equal(await dialog(page).getByRole('button', { name: 'Delete' }).isDisabled(), true);
  await dialog(page).getByLabel('to confirm').fill('https://shop.example/hooks/mail');
  await confirm(page, 'Delete');
  await page.waitForURL('**/#/webhooks');
  assert.equal(api.callsOf(`DELETE /webhooks/${ID}`).length, 1);
  await close();
});

test('events are filtered and read page by page', async () => {
  const { page, api, close } = await openConsole({
    path: `${PATH}?type=email.bounced`,
    answers: {
      ...answering({}),
      'GET /webhooks/:id/events': ({ query }) =>
        query['after']
          ? list([webhookEventSummary({ id: eventId(2), type: 'email.bounced', status: 'failed' })])
          : list([], { has_more: true, next: eventId(9) }),
    },
  });
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('link', { name: 'email.bounced' }).waitFor();
  await page.locator('main').getByLabel('Status').selectOption('failed');
  await page.waitForURL('**?type=email.bounced&status=failed');
  await page.getByText('This page has no rows.').waitFor();
  const queries = api.callsOf('GET /webhooks/:id/events').map(({ query }) => query);
  assert.deepEqual(queries.slice(0, 3), [
    { limit: '20', type: 'email.bounced' },
    { limit: '20', after: eventId(9), type: 'email.bounced' },
    { limit: '20', type: 'email.bounced', status: 'failed' },
  ]);
  await close();
});

test('a replay asks, and sends the event again', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: answering({}) });
  await act(page, 'Replay');
  await says(page, 'The receiver gets the event with the same id');
  await confirm(page, 'Replay');
  await says(page, 'The event is on its way.');
  assert.equal(api.callsOf(`POST /webhooks/${ID}/events/${EVENT}/replay`).length, 1);
  await close();
});

test('an event shows its payload and the answers of the endpoint', async () => {
  const { page, close } = await openConsole({
    path: PATH,
    answers: {
      ...answering({}),
      'GET /webhooks/:id/events/:event': webhookEvent({
        status: 'attempting',
        next_attempt_at: at(300),
        payload: { type: 'email.delivered', data: { email_id: uuid(1), subject: HOSTILE } },
      }),
      'GET /webhooks/:id/events/:event/attempts': list([
        webhookAttempt({ id: `${EVENT}_2`, http_status_code: 0, response: 'The endpoint gave no answer in 15 s.' }),
        webhookAttempt({ id: `${EVENT}_1`, http_status_code: 503, response: HOSTILE }),
      ]),
    },
  });
  await page.getByRole('link', { name: 'email.delivered' }).click();
  await page.getByRole('heading', { level: 1, name: 'email.delivered' }).waitFor();
  assert.match((await page.locator('pre').first().textContent()) ?? '', /"subject": "<img src=x onerror=alert\(1\)>"/);
  await says(page, 'The endpoint gave no answer in 15 s.');
  const badges = await page.locator('tbody .badge').allTextContents();
  assert.deepEqual(badges, ['no answer', '503']);
  await says(page, 'Next attempt');
  assert.equal(await page.getByRole('link', { name: uuid(1) }).getAttribute('href'), `#/emails/${uuid(1)}`);
  await page.getByRole('button', { name: 'Replay' }).waitFor();
  assert.equal(await page.locator('main img').count(), 0);
  await assertAccessible(page);
  await page.getByRole('link', { name: 'The webhook' }).click();
  await page.getByRole('heading', { level: 1, name: 'https://shop.example/hooks/mail' }).waitFor();
  await close();
});

test('a payload that is gone is told', async () => {
  const { page, close } = await openConsole({
    path: `${PATH}?event=${EVENT}`,
    answers: {
      'GET /webhooks/:id/events/:event': webhookEvent({ payload: null }),
      'GET /webhooks/:id/events/:event/attempts': list(),
    },
  });
  await says(page, 'The payload is gone');
  await says(page, 'No attempts yet');
  await close();
});

test('errors of the webhook and its events are shown', async () => {
  const missing = await openConsole({ path: PATH, answers: { 'GET /webhooks/:id': errors.missing() } });
  await says(missing.page, 'It may be deleted');
  await missing.close();

  const { page, api, close } = await openConsole({
    path: PATH,
    answers: { ...answering({}), 'GET /webhooks/:id/events': errors.failed() },
  });
  await says(page, 'An internal error occurred.');
  await page.getByRole('heading', { level: 1, name: 'https://shop.example/hooks/mail' }).waitFor();
  api.answer('GET /webhooks/:id/events', errors.tooMany(5));
  await page.getByRole('button', { name: 'Try again' }).first().click();
  await says(page, 'Too many requests');
  await close();
});

test('a key without full access sees neither webhook nor event', async () => {
  for (const path of [PATH, `${PATH}?event=${EVENT}`]) {
    const { page, api, close } = await openConsole({ path, key: 'read_access' });
    await says(page, 'This key may not see webhooks');
    assert.equal(api.calls.filter((call) => call.path.startsWith('/webhooks')).length, 0);
    await close();
  }
});

test('the pages fit a narrow screen, and work by keyboard', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: answering({}), width: 360, dark: true });
  await says(page, 'email.delivered');
  await assertNoSideScroll(page);
  await assertAccessible(page);
  await tabTo(page, 'Send a test event');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Send');
  await page.keyboard.press('Enter');
  await says(page, 'The test event is on its way.');
  assert.equal(api.callsOf('POST /webhooks/:id/test').length, 1);
  await page.getByRole('link', { name: 'email.delivered' }).click();
  await says(page, 'Payload');
  await assertNoSideScroll(page);
  await close();
});
