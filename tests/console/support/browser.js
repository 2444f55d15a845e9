// Debian's headless Chromium, started once per test file, and a canary that records every sign of trouble.

import { after } from 'node:test';
import { FLAGS } from './flags.js';
import { chromium } from './packages.js';

/** @typedef {import('playwright-core').BrowserContext} Context */

/** @type {Promise<import('playwright-core').Browser> | undefined} */
let started;

/** Returns the browser of this process. */
export function browser() {
  started ??= chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: FLAGS });
  return started;
}

after(async () => {
  await (await started)?.close();
});

/**
 * @typedef {object} View
 * @property {number} [width]
 * @property {number} [height]
 * @property {boolean} [dark]
 */

/** Opens a context: one session of its own. @param {View} [view] */
export async function newContext({ width = 1440, height = 900, dark = false } = {}) {
  const context = await (await browser()).newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(10_000);
  return context;
}

/** Chromium's note about an answer of 400 or more. The page shows these itself. */
const REFUSED = /^Failed to load resource: the server responded with a status of [45]\d\d/;

/**
 * Records signs that a page did something that it must not do: a request to elsewhere, a dialog, a popup, a download,
 * an error or a violation of the policy in the console.
 * @param {Context} context
 * @param {string} base the only allowed origin
 * @param {RegExp[]} [expected] signs that the test causes itself
 * @returns {string[]} the signs, which grow
 */
export function watch(context, base, expected = []) {
  /** @type {string[]} */
  const signs = [];
  const sign = (/** @type {string} */ text) => {
    if (!expected.some((one) => one.test(text))) signs.push(text);
  };
  context.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${base}/`) && !/^(data|blob|about):/.test(url)) sign(`request: ${url}`);
  });
  context.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && !REFUSED.test(text)) sign(`console: ${text}`);
    if (message.type() === 'warning' && /Content Security Policy|Trusted/i.test(text)) sign(`console: ${text}`);
  });
  context.on('weberror', (error) => sign(`error: ${error.error().stack ?? error.error().message}`));
  context.on('dialog', (dialog) => {
    sign(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  context.on('page', (page) => {
    if (context.pages().length > 1) sign(`popup: ${page.url()}`);
    page.on('download', (download) => sign(`download: ${download.url()}`));
  });
  return signs;
}
