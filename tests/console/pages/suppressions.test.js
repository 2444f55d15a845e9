// The page Suppressions: the list, the look-up, and the actions on one and on many addresses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, errors, list, suppression, uuid } from '../support/answers.js';
import { assertAccessible } from '../support/axe.js';
import { openConsole } from '../support/console.js';
import { assertNoSideScroll, tabTo } from '../support/keyboard.js';

const PATH = '#/suppressions';

const BOUNCED = suppression();
const COMPLAINED = suppression({
  id: uuid(32),
  email: 'angry@customer.example',
  origin: 'complaint',
  expires_at: at(5 * 86_400),
});
const MANUAL = suppression({ id: uuid(33), email: 'left@customer.example', origin: 'manual', source_id: null });
const ALL = list([BOUNCED, COMPLAINED, MANUAL]);

/** @param {import('playwright-core').Page} page @param {string} email */
const row = (page, email) => page.locator('tbody tr', { hasText: email });

/** @param {import('playwright-core').Page} page @param {string} text */
const says = (page, text) => page.getByText(text).first().waitFor();

/** @param {import('playwright-core').Locator} element */
const textOf = async (element) => (await element.textContent()) ?? '';

test('the list shows the origin, the email and the end', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /suppressions': ALL } });
  await row(page, 'gone@customer.example').waitFor();
  assert.deepEqual(await page.locator('tbody .badge').allTextContents(), [
    'permanent bounce',
    'complaint',
    'added by hand',
  ]);
  const email = row(page, 'gone@customer.example').getByRole('link', { name: 'Open the email' });
  assert.equal(await email.getAttribute('href'), `#/emails/${uuid(1)}`);
  assert.match(await textOf(row(page, 'gone@customer.example')), /no end/);
  assert.doesNotMatch(await textOf(row(page, 'angry@customer.example')), /no end/);
  assert.deepEqual(api.callsOf('GET /suppressions')[0]?.query, { limit: '25' });
  await assertAccessible(page);
  await close();
});

test('the server pages and filters the list', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: {
      'GET /suppressions': ({ query }) => (query['after'] ? list([MANUAL]) : list([BOUNCED], { has_more: true })),
    },
  });
  await row(page, BOUNCED.email).waitFor();
  await page.getByRole('button', { name: 'Next' }).click();
  await row(page, MANUAL.email).waitFor();
  assert.equal(api.callsOf('GET /suppressions').at(-1)?.query['after'], BOUNCED.id);
  await page.getByLabel('Origin').selectOption('bounce');
  await row(page, BOUNCED.email).waitFor();
  assert.deepEqual(api.callsOf('GET /suppressions').at(-1)?.query, { limit: '25', origin: 'bounce' });
  assert.match(page.url(), /#\/suppressions\?origin=bounce$/);
  await close();
});

test('one address is looked up', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /suppressions': ALL } });
  await row(page, MANUAL.email).waitFor();
  await page.getByLabel('Look up an address').fill('gone+1@customer.example');
  await page.keyboard.press('Enter');
  await row(page, MANUAL.email).waitFor({ state: 'detached' });
  await row(page, BOUNCED.email).waitFor();
  assert.equal(api.calls.at(-1)?.path, '/suppressions/gone%2B1%40customer.example');
  assert.match(page.url(), /address=gone%2B1%40customer\.example/);
  await close();
});

test('an address that only Amazon SES may list can be released', async () => {
  const { page, api, close } = await openConsole({
    path: `${PATH}?address=ada@example.com`,
    answers: { 'GET /suppressions/:s': errors.missing() },
  });
  await says(page, 'ada@example.com is not suppressed');
  await page.getByRole('button', { name: 'Release' }).click();
  await says(page, 'ada@example.com is released.');
  assert.equal(await page.getByRole('button', { name: 'Undo' }).count(), 0);
  assert.deepEqual(
    api.callsOf('DELETE /suppressions/:s').map(({ path }) => path),
    ['/suppressions/ada%40example.com'],
  );
  await close();
});

test('a release is undone by an addition', async () => {
  const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /suppressions': ALL } });
  const released = row(page, BOUNCED.email);
  await released.locator('summary').click();
  assert.match(await textOf(released.locator('pre')), /curl -X DELETE .*suppressions\/gone%40customer\.example/);
  await released.locator('summary').click();
  api.answer('GET /suppressions', list([COMPLAINED, MANUAL]));
  await released.getByRole('button', { name: 'Release' }).click();
  await says(page, 'gone@customer.example is released.');
  await released.waitFor({ state: 'detached' });
  assert.equal(api.callsOf('DELETE /suppressions/:s').length, 1);
  api.answer('GET /suppressions', ALL);
  await page.getByRole('button', { name: 'Undo' }).click();
  await released.waitFor();
  assert.deepEqual(api.callsOf('POST /suppressions')[0]?.body, { email: BOUNCED.email });
  await close();
});

test('a release after a complaint asks, and tells that Amazon SES keeps the address', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: {
      'GET /suppressions': ALL,
      'DELETE /suppressions/:s': {
        object: 'suppression',
        id: COMPLAINED.id,
        deleted: true,
        account_list: 'kept_for_complaint',
      },
    },
  });
  await row(page, COMPLAINED.email).getByRole('button', { name: 'Release' }).click();
  await says(page, 'Release the address only if the recipient asks for it.');
  assert.equal(api.callsOf('DELETE /suppressions/:s').length, 0);
  await page.getByRole('button', { name: 'Release the address' }).click();
  await says(page, 'The account list of Amazon SES keeps these addresses');
  await close();
});

test('several addresses are released and added again', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: {
      'GET /suppressions': ALL,
      'POST /suppressions/batch/remove': {
        data: [BOUNCED, MANUAL].map(({ id }) => ({ object: 'suppression', id, deleted: true })),
      },
      'POST /suppressions/batch/add': { data: [BOUNCED, MANUAL].map(({ id }) => ({ object: 'suppression', id })) },
    },
  });
  await page.getByLabel(`Select ${BOUNCED.email}`).check();
  await page.getByLabel(`Select ${MANUAL.email}`).check();
  await page.getByRole('button', { name: 'Release 2 selected' }).click();
  assert.match(await textOf(page.getByRole('dialog').locator('pre')), /batch\/remove/);
  await page.getByRole('button', { name: 'Release the addresses' }).click();
  await says(page, 'The addresses are released.');
  const emails = [BOUNCED.email, MANUAL.email];
  assert.deepEqual(api.callsOf('POST /suppressions/batch/remove')[0]?.body, { emails });
  assert.equal(await page.getByLabel(`Select ${BOUNCED.email}`).isChecked(), false);
  await page.getByRole('button', { name: 'Undo' }).click();
  await says(page, 'undone');
  assert.deepEqual(api.callsOf('POST /suppressions/batch/add')[0]?.body, { emails });
  await close();
});

test('one address and many are added by keyboard', async () => {
  const { page, api, close } = await openConsole({
    path: PATH,
    answers: { 'POST /suppressions/batch/add': { data: [{ object: 'suppression', id: uuid(34) }] } },
  });
  await row(page, BOUNCED.email).waitFor();
  for (const text of ['ada@example.com', 'ada@example.com\nbob@example.com; eve@example.com\nada@example.com\n']) {
    await tabTo(page, 'Add addresses');
    await page.keyboard.press('Enter');
    await page.getByLabel('Addresses, one per line').fill(text);
    await tabTo(page, 'Suppress');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }
  assert.deepEqual(api.callsOf('POST /suppressions')[0]?.body, { email: 'ada@example.com' });
  const emails = ['ada@example.com', 'bob@example.com', 'eve@example.com'];
  assert.deepEqual(api.callsOf('POST /suppressions/batch/add')[0]?.body, { emails });
  await close();
});

test('a bad address of many is named beside the field', async () => {
  const { page, close } = await openConsole({
    path: PATH,
    answers: { 'POST /suppressions/batch/add': errors.invalid('emails[1]', 'the domain must contain a dot') },
  });
  await page.getByRole('button', { name: 'Add addresses' }).click();
  await page.getByLabel('Addresses, one per line').fill('ada@example.com\nbob@example');
  await page.getByRole('button', { name: 'Suppress', exact: true }).click();
  await page.locator('.field').getByText('emails[1]: the domain must contain a dot').waitFor();
  await close();
});

test('an empty list teaches the call', async () => {
  const { page, close } = await openConsole({ path: PATH, answers: { 'GET /suppressions': list() } });
  await says(page, 'No suppressed addresses');
  assert.match(await textOf(page.locator('.empty pre')), /curl -X POST "\$MAILQUEUE_URL\/suppressions"/);
  await close();
});

test('a key for reading changes nothing', async () => {
  const { page, close } = await openConsole({
    path: PATH,
    key: 'read_access',
    answers: { 'GET /suppressions': ALL },
  });
  await row(page, BOUNCED.email).waitFor();
  assert.equal(await page.getByRole('button', { name: /Release|Add/ }).count(), 0);
  assert.equal(await page.getByRole('checkbox').count(), 0);
  await close();
});

test('the deployer sees no addresses, and asks for none', async () => {
  const { page, api, close } = await openConsole({ path: PATH, key: 'deployer' });
  await says(page, 'This key sees no suppressed addresses');
  assert.equal(api.callsOf('GET /suppressions').length, 0);
  await close();
});

for (const answer of [errors.tooMany(30), errors.failed()]) {
  test(`an error says what to do: ${answer.status}`, async () => {
    const { page, api, close } = await openConsole({ path: PATH, answers: { 'GET /suppressions': answer } });
    await page.locator('.problem', { hasText: answer.body.message }).first().waitFor();
    api.answer('GET /suppressions', ALL);
    await page.getByRole('button', { name: 'Try again' }).first().click();
    await row(page, BOUNCED.email).waitFor();
    await close();
  });
}

test('the list fits a narrow screen', async () => {
  const long = suppression({ email: `${'a'.repeat(64)}@${'b'.repeat(60)}.example` });
  const { page, close } = await openConsole({ path: PATH, width: 360, answers: { 'GET /suppressions': list([long]) } });
  await row(page, 'aaaa').waitFor();
  await assertNoSideScroll(page);
  await assertAccessible(page);
  await close();
});
