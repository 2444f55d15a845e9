// The running local stack: tenants of their own, calls of the API, faults, and the console that the stack serves.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newContext, watch } from './browser.js';
import { prepare } from './console.js';

/** @typedef {import('playwright-core').Page} Page */

/** @param {string} name */
function setting(name) {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is missing: start a stack with make local, then run local/test-console --stack.`);
  return value;
}

export const URL_OF_API = setting('MAILQUEUE_URL');
export const INBOX = setting('INBOX_URL');
export const DEPLOYER_KEY = setting('MAILQUEUE_DEPLOYER_KEY');

let made = 0;

/** A name that no other run has. @param {string} prefix */
export function unique(prefix) {
  made += 1;
  return `${prefix}-${Date.now().toString(36)}-${made}`;
}

/**
 * Sends a request. The emulator may answer 500 or 503 while a function starts, so those are repeated.
 * @param {string} method @param {string} url @param {{key?: string, body?: unknown, headers?: Record<string, string>}} [options]
 * @returns {Promise<{status: number, body: any}>}
 */
export async function request(method, url, { key, body, headers = {} } = {}) {
  const all = {
    ...(key ? { authorization: `Bearer ${key}` } : {}),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  };
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetch(url, { method, headers: all, body: body === undefined ? null : JSON.stringify(body) });
    const text = await answer.text();
    if (answer.status < 500 || attempt === 5 || method !== 'GET') {
      return { status: answer.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text };
    }
    await sleep(500);
  }
}

/** The calls of a key, which fail unless the API answers 2xx. @param {string} key @param {string} [tenant] */
export function client(key, tenant) {
  /** @type {Record<string, string>} */
  const headers = tenant ? { 'x-mailqueue-tenant': tenant } : {};
  const call = async (/** @type {string} */ method, /** @type {string} */ path, /** @type {unknown} */ body) => {
    const answer = await request(method, URL_OF_API + path, { key, body, headers });
    assert.ok(answer.status < 300, `${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  return {
    key,
    get: (/** @type {string} */ path) => call('GET', path, undefined),
    post: (/** @type {string} */ path, /** @type {unknown} */ body = undefined) => call('POST', path, body),
    patch: (/** @type {string} */ path, /** @type {unknown} */ body) => call('PATCH', path, body),
    delete: (/** @type {string} */ path) => call('DELETE', path, undefined),
  };
}

export const deployer = client(DEPLOYER_KEY);

/** Creates a tenant with a key. @param {string} [prefix] @param {string} [permission] */
export async function newTenant(prefix = 'console', permission = 'full_access') {
  const name = unique(prefix);
  await deployer.post('/tenants', { name, from_domains: ['mailqueue.example', 'unverified.example'] });
  const { token, id } = await deployer.post('/api-keys', { name: 'console', tenant: name, permission });
  return { name, keyId: id, ...client(token) };
}

/** @param {Record<string, unknown>} [overrides] */
export const newEmail = (overrides = {}) => ({
  from: 'Shop <shop@mailqueue.example>',
  to: 'ada@customer.example',
  subject: 'Your order',
  html: '<p>Thank you.</p>',
  text: 'Thank you.',
  ...overrides,
});

/**
 * Waits until `read` returns something truthy.
 * @template T
 * @param {string} what @param {() => Promise<T>} read @param {number} [patienceMs]
 * @returns {Promise<NonNullable<T>>}
 */
export async function eventually(what, read, patienceMs = 60_000) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await read();
    if (value) return value;
    assert.ok(Date.now() < deadline, `${what} did not happen within ${patienceMs / 1000} s`);
    await sleep(300);
  }
}

/** Sets faults of the fake SES, which the end of the test file removes. @param {Record<string, unknown>[]} faults */
export async function sesFaults(faults) {
  const { status, body } = await request('PUT', `${INBOX}/faults`, { body: { faults } });
  assert.equal(status, 200, JSON.stringify(body));
}

/** Sets faults of the front. @param {Record<string, unknown>[]} faults */
export async function gatewayFaults(faults) {
  const { status, body } = await request('PUT', `${URL_OF_API}/_gateway/faults`, { body: { faults } });
  assert.equal(status, 200, JSON.stringify(body));
}

after(async () => {
  await request('DELETE', `${INBOX}/faults`);
  await gatewayFaults([]);
});

/**
 * Opens the console of the stack. Without a key, the page is not signed in.
 * @param {string | null} key @param {string} path
 * @param {{expected?: RegExp[], width?: number, dark?: boolean}} [options]
 */
export async function openOnStack(key, path, { expected = [], ...view } = {}) {
  const context = await newContext(view);
  context.setDefaultTimeout(20_000);
  const signs = watch(context, URL_OF_API, expected);
  await prepare(context, key);
  const page = await context.newPage();
  await page.goto(`${URL_OF_API}/console/${path}`);
  return {
    page,
    signs,
    /** @param {string} hash */
    go: (hash) =>
      page.evaluate((next) => {
        location.hash = next;
      }, hash),
    close: async () => {
      await context.close();
      assert.deepEqual(signs, [], 'signs of trouble in the browser');
    },
  };
}

/**
 * Does an action: presses its button, fills its dialog, and confirms.
 * @param {Page} page
 * @param {string} label of the button
 * @param {{fields?: Record<string, string | boolean>, typed?: string, submit?: string, within?: import('playwright-core').Locator}} [options]
 */
export async function act(page, label, { fields = {}, typed, submit, within = page.locator('main') } = {}) {
  await within.getByRole('button', { name: label, exact: true }).first().click();
  if (submit === undefined) return;
  const dialog = page.getByRole('dialog');
  for (const [name, value] of Object.entries(fields)) {
    const field = dialog.getByLabel(name, { exact: true });
    if (typeof value === 'boolean') await field.setChecked(value);
    else if ((await field.evaluate((element) => element.tagName)) === 'SELECT') await field.selectOption(value);
    else await field.fill(value);
  }
  if (typed !== undefined) await dialog.getByLabel(/^Type /).fill(typed);
  await dialog.getByRole('button', { name: submit, exact: true }).click();
  const close = dialog.getByRole('button', { name: 'Close', exact: true });
  await Promise.race([dialog.waitFor({ state: 'detached' }), close.waitFor()]);
  if (await close.isVisible()) await close.click();
}
