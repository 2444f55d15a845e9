// The canary has teeth: each sign of trouble fails `close`. The accessibility check and the focus check too.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from './support/axe.js';
import { openConsole } from './support/console.js';
import { assertNoSideScroll, tabTo } from './support/keyboard.js';

/** @type {{name: string, cause: () => void, sign: RegExp}[]} */
const TROUBLES = [
  {
    name: 'a request to elsewhere',
    cause: () => void fetch('http://elsewhere.example/').catch(() => {}),
    sign: /elsewhere\.example/,
  },
  { name: 'a dialog', cause: () => void setTimeout(() => alert('hello'), 0), sign: /dialog: hello/ },
  { name: 'an error in the console', cause: () => reportError(new Error('oops')), sign: /error: .*oops/s },
];

for (const { name, cause, sign } of TROUBLES) {
  test(`the canary sees ${name}`, async () => {
    const { page, close } = await openConsole();
    await page.locator('main h1').waitFor();
    await page.evaluate(cause);
    await page.waitForTimeout(200);
    await assert.rejects(close(), sign);
  });
}

test('the policy refuses markup and inline scripts', async () => {
  const expected = [/Content Security Policy|TrustedHTML|TrustedScript/];
  const { page, close } = await openConsole({ expected });
  await page.locator('main h1').waitFor();
  const refused = await page.evaluate(() => {
    const attempts = [
      () => Object.assign(document.body, { innerHTML: '<p>x' }),
      () => Object.assign(document.createElement('script'), { text: 'x' }),
      () => document.body.setAttribute('onclick', 'x'),
      () => new DOMParser().parseFromString('<p>x', 'text/html'),
    ];
    return attempts.map((attempt) => {
      try {
        attempt();
        return 'allowed';
      } catch (error) {
        return /** @type {Error} */ (error).name;
      }
    });
  });
  assert.deepEqual(refused, ['TypeError', 'TypeError', 'TypeError', 'TypeError']);
  await close();
});

test('findings of axe, side scrolling and a missing focus fail', async () => {
  const { page, close } = await openConsole({ width: 360 });
  await page.locator('main h1').waitFor();
  await page.evaluate(() => {
    const wide = document.createElement('button');
    wide.style.width = '2000px';
    wide.style.height = '20px';
    document.body.append(wide);
  });
  await assert.rejects(assertNoSideScroll(page), /wider than the screen/);
  await assert.rejects(assertAccessible(page), /button-name/);
  await assert.rejects(tabTo(page, 'No such button'), /does not reach/);
  await close();
});
