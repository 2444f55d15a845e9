// Accessibility by axe: no page has a serious or critical finding.

import assert from 'node:assert/strict';
import { axe } from './packages.js';

/** Fails with every serious finding of a page. @param {import('playwright-core').Page} page */
export async function assertAccessible(page) {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (globalThis).axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter((/** @type {any} */ { impact }) => impact === 'serious' || impact === 'critical')
      .map((/** @type {any} */ { id, help, nodes }) => {
        const places = nodes.slice(0, 3).map((/** @type {any} */ node) => `${node.target} ${node.failureSummary}`);
        return `${id}: ${help}\n  ${places.join('\n  ')}`;
      });
  });
  assert.deepEqual(found, [], `serious findings at ${page.url()}`);
}
