// Opens the console in the browser, with the mock behind it.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { newContext, watch } from './browser.js';
import { startMock } from './mock.js';

/** The place of the key in the page's session storage. */
export const KEY_PLACE = 'mailqueue.key';

/**
 * @typedef {object} Options
 * @property {string} [path] the fragment of the page
 * @property {import('./mock.js').KeyName | null} [key] the kind of key of the session; null: not signed in
 * @property {Record<string, import('./mock.js').Answer>} [answers] by operation: `POST /queues/:name/pause`
 * @property {number} [width]
 * @property {number} [height]
 * @property {boolean} [dark]
 * @property {boolean} [hidden] the tab is in the background
 * @property {RegExp[]} [expected] signs of the canary that the test causes itself
 */

/** @type {Set<() => Promise<void>>} */
const open = new Set();

// A failed test does not close its console.
after(async () => {
  for (const end of open) await end();
});

/**
 * Opens a page of the console.
 * `close` fails when the canary saw a sign of trouble, or when the mock was asked or told something that the API does
 * not know.
 * @param {Options} [options]
 */
export async function openConsole(options = {}) {
  const { path = '#/now', key = 'full_access', answers = {}, hidden = false, expected = [] } = options;
  const token = key === 'deployer' ? `deployer_${'0'.repeat(48)}` : 're_invented_key';
  const api = await startMock({ key: key ?? 'full_access', token, answers });
  const context = await newContext(options);
  const end = async () => {
    open.delete(end);
    await context.close();
    await api.stop();
  };
  open.add(end);
  const signs = watch(context, api.base, expected);
  await prepare(context, key && token, hidden);
  const page = await context.newPage();
  await page.goto(`${api.base}/console/${path}`);
  return {
    page,
    api,
    token,
    /** The signs of trouble so far. */
    signs,
    /** Puts the tab into the background, or back. @param {boolean} state */
    hide: (state = true) => page.evaluate((now) => /** @type {any} */ (globalThis).hideTab(now), state),
    close: async () => {
      await end();
      assert.deepEqual(signs, [], 'signs of trouble in the browser');
      assert.deepEqual(api.faults, [], 'requests or answers that openapi.json does not allow');
    },
  };
}

/**
 * Signs in, once, and lets the test say whether the tab is hidden: a headless tab never is.
 * @param {import('playwright-core').BrowserContext} context
 * @param {string | null} token
 * @param {boolean} [hidden]
 */
export async function prepare(context, token, hidden = false) {
  await context.addInitScript(
    ({ place, token, hidden }) => {
      if (window.top !== window || location.protocol !== 'http:') return;
      if (token && window.name !== 'signed-in') {
        window.name = 'signed-in';
        sessionStorage.setItem(place, token);
      }
      let state = hidden;
      Object.defineProperty(document, 'hidden', { get: () => state });
      Object.defineProperty(document, 'visibilityState', { get: () => (state ? 'hidden' : 'visible') });
      Object.assign(window, {
        hideTab: (/** @type {boolean} */ now) => {
          state = now;
          document.dispatchEvent(new Event('visibilitychange'));
        },
      });
    },
    { place: KEY_PLACE, token, hidden },
  );
}
