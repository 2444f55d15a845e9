// A reader without a mouse, and a narrow screen.

import assert from 'node:assert/strict';

/** @typedef {import('playwright-core').Page} Page */

/** The text, or the name, of the focused element. @param {Page} page @returns {Promise<string>} */
export const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return '';
    const label = /** @type {HTMLInputElement} */ (element).labels?.[0]?.textContent;
    return (element.getAttribute('aria-label') ?? label ?? element.textContent ?? '').trim();
  });

/**
 * Presses Tab until the element with that text or label has the focus, which must be visible.
 * @param {Page} page
 * @param {string | RegExp} wanted
 * @param {string} [press] the key
 */
export async function tabTo(page, wanted, press = 'Tab') {
  /** @type {string[]} */
  const passed = [];
  for (let step = 0; step < 150; step += 1) {
    await page.keyboard.press(press);
    const text = await focused(page);
    passed.push(text);
    if (typeof wanted === 'string' ? text === wanted : wanted.test(text)) {
      assert.ok(await isVisiblyFocused(page), `the focus of ${wanted} is invisible`);
      return;
    }
  }
  assert.fail(`${press} does not reach ${wanted}; it passes ${JSON.stringify([...new Set(passed)])}`);
}

const isVisiblyFocused = (/** @type {Page} */ page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (!element) return false;
    const style = getComputedStyle(element);
    return (style.outlineStyle !== 'none' && style.outlineWidth !== '0px') || style.boxShadow !== 'none';
  });

/** Fails when the page scrolls to the side. @param {Page} page */
export async function assertNoSideScroll(page) {
  const { inner, wide } = await page.evaluate(() => {
    const root = document.documentElement;
    const wide = [...document.body.querySelectorAll('*')]
      .filter((element) => element.getBoundingClientRect().right > root.clientWidth + 1)
      .slice(0, 5)
      .map((element) => `${element.tagName.toLowerCase()}.${element.className}`);
    return { inner: root.scrollWidth - root.clientWidth, wide };
  });
  assert.ok(inner <= 0, `the page is ${inner} pixels wider than the screen: ${wide.join(', ')}`);
}
