// The copied command: a shell passes foreign text on as data.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { cleaned, curl, queryText, quote } from '../../../functions/console/assets/kit/curl.js';

const HOSTILE = [
  "it's",
  "'; touch /tmp/owned; '",
  '$(id)',
  '`id`',
  '$HOME',
  '"quoted"',
  '\\',
  "\\'",
  '!!',
  'a\tb',
  '*',
  '~',
  '-rf',
  '@file',
  '% 00 é 𝔘',
  '',
];

/**
 * Runs a command in sh, with a `curl` that prints its arguments.
 * @param {string} command
 * @returns {string[]}
 */
function argumentsOf(command) {
  const script = `curl() { for one in "$@"; do printf '%s\\0' "$one"; done; }\n${command}`;
  const env = { PATH: process.env['PATH'], MAILQUEUE_URL: 'https://api.example', MAILQUEUE_API_KEY: 'the-key' };
  const printed = execFileSync('sh', ['-c', script], { env, encoding: 'utf8' });
  return printed.split('\0').slice(0, -1);
}

test('sh reads a quoted text as it was', () => {
  for (const text of HOSTILE) assert.deepEqual(argumentsOf(`curl ${quote(text)}`), [text]);
});

test('a quoted text has one line', () => {
  assert.equal(quote('one\r\ntwo\0three'), "'one  two three'");
});

test('a body, a path and a query with hostile text stay data', () => {
  for (const text of HOSTILE) {
    const path = `/queues/${encodeURIComponent(text)}/pause`;
    const command = curl({ method: 'POST', path, query: { reason: text }, body: { reason: text } });
    const [, , address, , authorization, , type, , body = ''] = argumentsOf(command);
    assert.equal(address, `https://api.example${path}${queryText({ reason: text })}`);
    assert.equal(authorization, 'Authorization: Bearer the-key');
    assert.equal(type, 'Content-Type: application/json');
    assert.deepEqual(JSON.parse(body), { reason: text });
  }
});

test('a path that nobody encoded stays data', () => {
  for (const text of HOSTILE) {
    const [address] = argumentsOf(curl({ method: 'GET', path: `/queues/${text}` }));
    assert.equal(address, `https://api.example/queues/${text}`);
  }
});

test('a command names the variables, never the key', () => {
  assert.equal(
    curl({ method: 'GET', path: '/emails', query: { status: 'failed', queue: '' } }),
    'curl "$MAILQUEUE_URL/emails?status=failed" \\\n  -H "Authorization: Bearer $MAILQUEUE_API_KEY"',
  );
});

test('a command of the deployer names the tenant', () => {
  const parts = argumentsOf(curl({ method: 'POST', path: '/queues/default/resume', tenant: 'acme' }));
  assert.ok(parts.includes('x-mailqueue-tenant: acme'), String(parts));
});

test('characters that a terminal hides or reorders are escaped', () => {
  const hidden = 'a\u202eb\u200bc\u2028d\u009be\ufefff';
  const command = curl({ method: 'POST', path: '/emails', body: { subject: hidden } });
  assert.doesNotMatch(command, /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\ufeff]/);
  assert.deepEqual(JSON.parse(argumentsOf(command).at(-1) ?? ''), { subject: hidden });
});

test('an empty value is no part of a query', () => {
  const query = { a: '', b: null, c: undefined, d: 0, e: false, f: 'x y&z' };
  assert.equal(cleaned(query).toString(), 'd=0&e=false&f=x+y%26z');
  assert.equal(queryText({ a: '' }), '');
  assert.equal(queryText(), '');
});
