// Pictures of all pages on a stack with invented data, at both widths and in both themes, in .local/screenshots.
// `make screenshots` runs it. The pictures are for people to look at: no test compares them.

import { mkdirSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { client, DEPLOYER_KEY, deployer, eventually, newEmail, openOnStack, sesFaults } from '../support/stack.js';

const FOLDER = fileURLToPath(new URL('../../../.local/screenshots/', import.meta.url));

const SUBJECTS = ['Your order is on its way', 'Your receipt', 'Confirm your address', 'News from the shop'];
const NAMES = ['ada', 'grace', 'edsger', 'barbara', 'tony', 'radia', 'donald', 'frances'];

/** The recipient of email `number`: some bounce, complain or are refused. @param {number} number */
function recipient(number) {
  const name = NAMES[number % NAMES.length];
  if (number % 19 === 3) return `${name}.gone@customer.example`;
  if (number % 23 === 5) return `${name}.refused@customer.example`;
  if (number % 61 === 7) return `${name}.annoyed@customer.example`;
  return `${name}@customer.example`;
}

/** A shop with emails in every state. */
async function fill() {
  await sesFaults([
    { kind: 'reject', to: '.refused@', share: 1 },
    { kind: 'bounce', to: '.gone@', share: 1 },
    { kind: 'complaint', to: '.annoyed@', share: 1 },
  ]);
  await deployer.post('/tenants', {
    name: 'shop',
    from_domains: ['mailqueue.example', 'shop.example'],
    daily_cap: 50000,
  });
  await deployer.post('/tenants', { name: 'newsletter', from_domains: ['news.example'], rate: 20 });
  const { token } = await deployer.post('/api-keys', { name: 'console', tenant: 'shop' });
  const shop = client(token);
  await shop.post('/api-keys', { name: 'web shop', permission: 'sending_access' });
  await shop.post('/api-keys', { name: 'dashboard', permission: 'read_access' });
  await shop.post('/queues', { name: 'receipts', priority: 'high' });
  await shop.post('/queues', { name: 'newsletter', priority: 'low', rate_per_second: 5 });
  await shop.post('/queues/newsletter/pause', { reason: 'A price is wrong: wait for the new text.' });
  await shop.post('/domains', { name: 'shop.example' });
  await shop.post('/webhooks', { endpoint: 'http://127.0.0.1:9/mail', events: ['email.delivered', 'email.bounced'] });
  const emails = Array.from({ length: 300 }, (_, number) => {
    const to = recipient(number);
    const subject = `${SUBJECTS[number % SUBJECTS.length]} (${1000 + number})`;
    const queue = ['default', 'receipts', 'newsletter'][number % 3] ?? 'default';
    const later = number % 17 === 0 ? { scheduled_at: 'in 5 hours' } : {};
    const html = `<h1>Thank you</h1><p>${subject}</p>`;
    return newEmail({ to, subject, queue, html, tags: [{ name: 'kind', value: 'order' }], ...later });
  });
  /** @type {string[]} */
  const ids = [];
  for (let start = 0; start < emails.length; start += 100) {
    const { data } = await shop.post('/emails/batch', emails.slice(start, start + 100));
    ids.push(...data.map((/** @type {{id: string}} */ one) => one.id));
  }
  await eventually('most deliveries', async () => {
    const since = new Date(Date.now() - 3600_000).toISOString();
    return (await shop.get(`/emails/metrics?start_date=${since}&metrics=sent`)).totals.sent > 160;
  });
  const [webhook] = (await shop.get('/webhooks')).data;
  const bounced = ids[emails.findIndex(({ to }) => String(to).includes('.gone@'))];
  return { token, bounced, webhook: webhook.id };
}

test('all pages, at both widths and in both themes', { timeout: 600_000 }, async (context) => {
  mkdirSync(FOLDER, { recursive: true });
  const { token, bounced, webhook } = await fill();
  const pages = /** @type {Record<string, [string, string]>} */ ({
    now: [token, '#/now'],
    emails: [token, '#/emails'],
    email: [token, `#/emails/${bounced}`],
    failures: [token, '#/failures'],
    queues: [token, '#/queues'],
    queue: [token, '#/queues/newsletter'],
    suppressions: [token, '#/suppressions'],
    domains: [token, '#/domains'],
    domain: [token, '#/domains/shop.example'],
    webhooks: [token, '#/webhooks'],
    webhook: [token, `#/webhooks/${webhook}`],
    keys: [token, '#/keys'],
    account: [token, '#/account'],
    'deployer-now': [DEPLOYER_KEY, '#/now'],
    'deployer-tenants': [DEPLOYER_KEY, '#/tenants'],
    'deployer-account': [DEPLOYER_KEY, '#/account'],
  });
  for (const width of [1440, 360]) {
    for (const dark of [false, true]) {
      for (const [name, [key, path]] of Object.entries(pages)) {
        const { page, close } = await openOnStack(key, path, { width, dark });
        await page.locator('main h1').waitFor();
        await page.waitForLoadState('networkidle');
        const file = `${FOLDER}${name}-${width}-${dark ? 'dark' : 'light'}.png`;
        await page.screenshot({ path: file, fullPage: width === 360 });
        await close();
      }
    }
  }
  context.diagnostic(`${Object.keys(pages).length * 4} pictures in .local/screenshots`);
});
