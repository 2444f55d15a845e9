// The console stays small, and has nothing that its own policy refuses.

import assert from 'node:assert/strict';
import test from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';
import { files } from './support/assets.js';

/** The limit of all files in all, compressed. */
const LIMIT_BYTES = 100_000;

const OPTIONS = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };

const isOurs = (/** @type {string} */ path) => !path.startsWith('vendor/');

test('all assets have less than 100,000 bytes compressed', () => {
  const sizes = [...files()].map(([path, content]) => ({ path, bytes: brotliCompressSync(content, OPTIONS).length }));
  const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const table = sizes
    .sort((one, other) => other.bytes - one.bytes)
    .map(({ path, bytes }) => `${String(bytes).padStart(7)}  ${path}`);
  assert.ok(sizes.length > 30, `only ${sizes.length} files were found`);
  assert.ok(total < LIMIT_BYTES, `${total} bytes in all:\n${table.join('\n')}`);
});

/** Forms of code that turn text into markup, script or style, each with an example that the rule must find. */
const FORBIDDEN = [
  { rule: /\b(inner|outer)HTML\b|insertAdjacentHTML|setHTML/, example: 'element.innerHTML = x' },
  { rule: /document\.write|createContextualFragment|DOMParser|\.srcdoc\b/, example: 'document.write(x)' },
  { rule: /\beval\s*\(|new Function\b|setTimeout\s*\(\s*['"`]/, example: 'eval (x)' },
  { rule: /javascript:(?!['"`])/, example: '<a href=javascript:x>' },
  { rule: /setAttribute\(\s*['"](on|style|srcdoc)/, example: "e.setAttribute('onclick', x)" },
  { rule: /\b(document\.cookie|localStorage|indexedDB)\b/, example: 'localStorage.x' },
];

/** Forms of markup that need an inline script or style. */
const INLINE = [
  { rule: /<script(?![^>]*\ssrc=)/i, example: '<script>' },
  { rule: /<style/i, example: '<style>' },
  { rule: /\sstyle\s*=/i, example: '<p style="x">' },
  { rule: /\son\w+\s*=/i, example: '<p onclick="x">' },
];

/** @param {{rule: RegExp, example: string}[]} rules @param {(path: string) => boolean} chosen */
function found(rules, chosen) {
  const hits = [];
  for (const [path, content] of files()) {
    if (!chosen(path)) continue;
    const lines = String(content).split('\n');
    for (const { rule } of rules) {
      const index = lines.findIndex((line) => rule.test(line.replace(/^\s*(\/\/|\*|\/\*).*/, '')));
      if (index >= 0) hits.push(`${path}:${index + 1}: ${rule}`);
    }
  }
  return hits;
}

test('each rule finds its example', () => {
  for (const { rule, example } of [...FORBIDDEN, ...INLINE]) assert.match(example, rule);
});

test('no code of ours turns text into markup or script', () => {
  assert.deepEqual(
    found(FORBIDDEN, (path) => isOurs(path) && path.endsWith('.js')),
    [],
  );
});

test('the page has no inline script, style or handler', () => {
  assert.deepEqual(
    found(INLINE, (path) => path.endsWith('.html') || path.endsWith('.svg')),
    [],
  );
});

test('no file of ours refers to another host', () => {
  const hosts = [...files()]
    .filter(([path]) => isOurs(path))
    .flatMap(([path, content]) =>
      [...String(content).matchAll(/(?:https?:|['"`])\/\/[a-z0-9-]+\.[a-z0-9.-]+/gi)].map(([url]) => `${path}: ${url}`),
    )
    .filter((hit) => !/www\.w3\.org|\bexample\b|127\.0\.0\.1/.test(hit));
  assert.deepEqual(hosts, []);
});
