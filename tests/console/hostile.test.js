// Every page with the hostile corpus in every text field: no script runs, nothing is fetched from elsewhere, no dialog
// opens, and text is shown as text.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import test, { after, before } from 'node:test';
import { email, uuid } from './support/answers.js';
import { openConsole } from './support/console.js';
import { documents, texts } from './support/corpus.js';
import { defaults } from './support/defaults.js';
import { operationOf, successOf } from './support/openapi.js';
import { poisoner } from './support/poison.js';

/** A running script shows itself by this title. */
const RUN = 'top.document.title=`canary`';

/** The rows of a hostile list. */
const ROWS = 30;

/** The buttons of a page that are pressed. */
const BUTTONS = 14;

const PAGES = [
  '#/now',
  '#/emails',
  `#/emails/${uuid(1)}`,
  '#/failures',
  '#/queues',
  '#/queues/default',
  '#/suppressions',
  '#/domains',
  '#/domains/mail.shop.example',
  '#/webhooks',
  `#/webhooks/${uuid(50)}`,
  '#/keys',
  '#/account',
];

/** Another host: a listener that no page may reach. */
const elsewhere = createServer((socket) => {
  reached += 1;
  socket.destroy();
});
let reached = 0;
let out = '';

before(async () => {
  elsewhere.listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  out = `127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (elsewhere.address()).port}`;
});

after(() => elsewhere.close());

/** All answers, poisoned. @param {import('./support/mock.js').KeyName} key */
function hostileAnswers(key) {
  const corpus = [...texts(RUN, out), ...documents(RUN, out).slice(0, 40)];
  let used = 0;
  const next = () => corpus[used++ % corpus.length] ?? '';
  let fields = 0;
  /** @type {Record<string, import('./support/mock.js').Answer>} */
  const answers = {};
  for (const [name, answer] of Object.entries(defaults(key))) {
    const [method = '', template = ''] = name.split(' ');
    const operation = operationOf(method, template.replace(/\{\w+\}/g, uuid()));
    assert.ok(operation, name);
    // The addresses of previews and codes are the API's own, and no sender writes them.
    if (/preview|console-codes/.test(template)) continue;
    /** @type {Map<string, ReturnType<typeof poisoner>>} */
    const known = new Map();
    answers[name] = (call) => {
      const body = typeof answer === 'function' ? answer(call) : answer;
      // The query decides the form of an answer, such as that of the metrics.
      const form = JSON.stringify(call.query);
      const poison = known.get(form) ?? poisoner(operation, successOf(operation), body, next);
      known.set(form, poison);
      const poisoned = () => poison.poisoned(body);
      fields += poison.places.length;
      if (!Array.isArray(body['data']) || method !== 'GET' || !body['data'][0]?.id) return poisoned();
      const rows = Array.from({ length: ROWS }, (_, row) => ({
        ...poisoned().data[0],
        id: rowId(body['data'][0].id, row),
      }));
      return { ...body, data: rows };
    };
  }
  return { answers, fields: () => fields };
}

/** Rows differ in their ids. @param {string} id @param {number} row */
const rowId = (id, row) => `${id.slice(0, -2)}${String(row).padStart(2, '0')}`;

/** Elements and attributes that no page of ours has, so they would come from a text. @param {import('playwright-core').Page} page */
const strangers = (page) =>
  page.evaluate(() => {
    const tags = 'img:not([src^="data:"]),object,embed,base,style,video,audio,math,frame,template,body script,[srcdoc]';
    const links = [...document.querySelectorAll('a')].filter(
      (one) => one.hasAttribute('href') && !/^https?:/.test(one.href),
    );
    const open = [...document.querySelectorAll('a[target]')].filter(
      (one) => !/noopener/.test(one.getAttribute('rel') ?? ''),
    );
    const handlers = [...document.querySelectorAll('*')].filter((one) =>
      one.getAttributeNames().some((name) => name.startsWith('on')),
    );
    return [...document.querySelectorAll(tags), ...links, ...open, ...handlers].map((one) =>
      one.outerHTML.slice(0, 200),
    );
  });

/** Presses the buttons of a page, which open dialogs or run calls. @param {import('playwright-core').Page} page */
const pressButtons = (page) =>
  page.evaluate(async (most) => {
    const pause = (/** @type {number} */ ms) => new Promise((done) => setTimeout(done, ms));
    for (const button of [...document.querySelectorAll('main button')].slice(0, most)) {
      /** @type {HTMLElement} */ (button).click();
      await pause(20);
      for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    }
    await pause(200);
  }, BUTTONS);

for (const path of PAGES) {
  test(`${path} shows hostile texts as text`, async () => {
    const { answers, fields } = hostileAnswers('full_access');
    const { page, signs, close } = await openConsole({ path, answers });
    await page.locator('main h1').waitFor();
    await page.waitForLoadState('networkidle');
    assert.deepEqual(await strangers(page), []);
    await pressButtons(page);
    assert.deepEqual(await strangers(page), []);
    assert.doesNotMatch(await page.title(), /^canary$/);
    assert.ok(fields() > 0, 'no field was hostile');
    assert.deepEqual(signs, []);
    assert.equal(reached, 0);
    await close();
  });
}

test('the tenants of the deployer are shown as text', async () => {
  const { answers } = hostileAnswers('deployer');
  const { page, close } = await openConsole({ path: '#/tenants', key: 'deployer', answers });
  await page.locator('main h1').waitFor();
  await page.waitForLoadState('networkidle');
  assert.deepEqual(await strangers(page), []);
  await pressButtons(page);
  await close();
});

test('a hostile subject is read as it was written', async () => {
  const subject = `<img src=x onerror=${RUN}>`;
  const { page, api, close } = await openConsole({ path: `#/emails/${uuid(1)}` });
  api.answer('GET /emails/:id', email({ subject }));
  await page.reload();
  await page.getByText(subject).first().waitFor();
  await close();
});

test('hostile addresses of the page are shown as text', async () => {
  const { page, signs, close } = await openConsole();
  for (const text of texts(RUN, out).map(encodeURIComponent)) {
    for (const path of [`#/${text}`, `#/emails?to=${text}&status=${text}`, `#/queues/${text}`]) {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, path);
      await page.locator('main').waitFor();
    }
  }
  await page.evaluate((text) => {
    location.hash = `#/emails?to=${text}`;
  }, '%E0%A4%A');
  assert.deepEqual(await strangers(page), []);
  assert.deepEqual(signs, []);
  // The mock refuses hostile filters, as the API does.
  await close().catch((error) => assert.match(String(error), /openapi\.json does not allow/));
});

test('errors of the API are shown as text', async () => {
  const message = `to[0]: <img src=x onerror=${RUN}> "quoted"`;
  const answer = { status: 422, body: { statusCode: 422, name: 'validation_error', message } };
  const answers = Object.fromEntries(
    ['GET /emails', 'GET /queues', 'GET /failures', 'GET /domains', 'GET /webhooks'].map((name) => [name, answer]),
  );
  for (const path of ['#/emails', '#/queues', '#/failures', '#/domains', '#/webhooks']) {
    const { page, close } = await openConsole({ path, answers });
    await page.getByText('<img src=x onerror', { exact: false }).first().waitFor();
    assert.deepEqual(await strangers(page), []);
    await close();
  }
});

test('the content of an email runs and fetches nothing', async () => {
  // Chromium connects to the hosts of links and frames despite every policy. The function takes these out of a preview,
  // which stack/emails.test.js checks.
  const bodies = documents(RUN, out).filter((body) => !/<(link|i?frame)\b/i.test(body));
  assert.ok(bodies.length > 70, `only ${bodies.length} documents were found`);
  // Chromium logs each blocked request. The listener proves that no request arrives.
  const expected = [/^console: .*(sandbox|Content Security Policy|Not allowed|frame)/i, /^request: /];
  const { page, api, close } = await openConsole({ path: `#/emails/${uuid(1)}`, expected });
  api.preview(...bodies);
  await page.getByRole('button', { name: 'Show content' }).click();
  const frame = page.locator('main iframe');
  await frame.waitFor();
  const sandbox = await frame.getAttribute('sandbox');
  assert.equal(sandbox, '');
  const src = await frame.getAttribute('src');
  const title = await page.title();
  for (let first = 0; first < bodies.length; first += 40) {
    await page.evaluate(
      async ({ src, first, last }) => {
        const frames = Array.from({ length: last - first }, (_, index) => {
          const frame = document.createElement('iframe');
          frame.setAttribute('sandbox', '');
          frame.src = `${src}?n=${first + index}`;
          document.body.append(frame);
          return new Promise((done) => frame.addEventListener('load', () => done(frame)));
        });
        for (const one of await Promise.all(frames)) one.remove();
      },
      { src, first, last: Math.min(first + 40, bodies.length) },
    );
  }
  assert.equal(await page.title(), title);
  assert.equal(reached, 0, 'something was fetched from elsewhere');
  await close();
});
