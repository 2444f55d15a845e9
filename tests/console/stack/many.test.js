// A tenant with thousands of emails: the list opens, filters and pages, and loads at most one page at a time.
// 5,000 in CI; by hand: COUNT=100000 TEST_TIMEOUT_MS=3600000 local/test-console --stack tests/console/stack/many.test.js

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually, newEmail, newTenant, openOnStack } from '../support/stack.js';

const COUNT = Number(process.env['COUNT'] ?? 5000);
const PAGE_MAX = 100;
const FAILED_EACH = 50;

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

/** Sends one email, and copies it. @param {Awaited<ReturnType<typeof newTenant>>} tenant */
async function fill(tenant) {
  const { id } = await tenant.post('/emails', newEmail());
  await eventually('the first delivery', async () => (await tenant.get(`/emails/${id}`)).last_event === 'delivered');
  const python = here('../../../.local/venv/bin/python');
  const arguments_ = [here('../support/fill.py'), tenant.name, id, String(COUNT)];
  await promisify(execFile)(python, arguments_, { env: process.env });
  return id;
}

test(`the list of ${COUNT} emails opens, filters and pages`, { timeout: 180_000 + COUNT * 20 }, async (context) => {
  const tenant = await newTenant('many');
  const first = await fill(tenant);
  const { page, close } = await openOnStack(tenant.key, '#/queues');
  /** @type {{url: URL, rows: number, ms: number}[]} */
  const loaded = [];
  page.on('response', async (response) => {
    const url = new URL(response.url());
    if (url.pathname !== '/emails') return;
    const body = await response.json().catch(() => ({ data: [] }));
    const { responseEnd } = response.request().timing();
    loaded.push({ url, rows: body.data?.length ?? 0, ms: Math.round(responseEnd) });
  });
  const rows = page.locator('main tbody tr');
  const firstRow = async () => (await rows.first().innerText()).trim();

  await page.evaluate(() => {
    location.hash = '#/emails';
  });
  await rows.first().waitFor();
  const shown = await rows.count();
  assert.ok(shown > 5 && shown <= PAGE_MAX, `${shown} rows`);
  assert.ok(await page.locator(`main a[href*="${first}"]`).count(), 'the newest email is first');
  const pageOne = await firstRow();

  const next = page.getByRole('button', { name: 'Next', exact: true });
  const previous = page.getByRole('button', { name: 'Previous', exact: true });
  for (let turn = 0; turn < 3; turn += 1) {
    const before = await rows.first().locator('a').first().getAttribute('href');
    await next.click();
    await page.waitForFunction(
      (old) => document.querySelector('main tbody tr a')?.getAttribute('href') !== old,
      before,
    );
  }
  assert.ok((await rows.count()) <= PAGE_MAX);
  for (let turn = 0; turn < 3; turn += 1) {
    const before = await rows.first().locator('a').first().getAttribute('href');
    await previous.click();
    await page.waitForFunction(
      (old) => document.querySelector('main tbody tr a')?.getAttribute('href') !== old,
      before,
    );
  }
  assert.equal(await firstRow(), pageOne);

  await page.getByLabel('Status', { exact: true }).selectOption('failed');
  await page.waitForFunction(() => {
    const all = [...document.querySelectorAll('main tbody tr')];
    return all.length > 0 && all.every((row) => /failed/i.test(row.textContent ?? ''));
  });
  assert.match(page.url(), /status=failed/);
  const failed = await rows.count();
  assert.ok(failed > 0 && failed <= Math.min(PAGE_MAX, COUNT / FAILED_EACH), `${failed} failed emails`);

  assert.ok(loaded.length > 0);
  for (const { url, rows: count } of loaded) {
    const limit = Number(url.searchParams.get('limit') ?? 20);
    assert.ok(limit <= PAGE_MAX && count <= PAGE_MAX, `${url} loaded ${count} rows`);
  }
  context.diagnostic(
    `${COUNT} emails; the slowest of ${loaded.length} pages took ${Math.max(...loaded.map(({ ms }) => ms))} ms`,
  );
  await close();
});
