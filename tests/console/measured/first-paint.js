// Opens the console on the running stack 20 times, each with an empty cache, and prints the times of the first
// contentful paint as JSON. local/bench_first_paint.py runs it.

import { FLAGS } from '../support/flags.js';
import { chromium } from '../support/packages.js';

const LOADS = Number(process.env['LOADS'] ?? 20);

const browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: FLAGS });
const url = `${process.env['MAILQUEUE_URL']}/console/`;
/** @type {number[]} */
const times = [];
// The first load starts the function and the browser's processes: it is not counted.
for (let load = 0; load <= LOADS; load += 1) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url, { waitUntil: 'load' });
  const found = await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  const time = await found.jsonValue();
  if (load > 0) times.push(Math.round(Number(time)));
  await context.close();
}
await browser.close();
process.stdout.write(`${JSON.stringify(times)}\n`);
