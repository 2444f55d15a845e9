// The files of the console, served as the function `console` serves them. tests/console/stack/served.test.js compares
// the headers with the function's.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ASSETS = fileURLToPath(new URL('../../../functions/console/assets/', import.meta.url));

export const TYPES = /** @type {Record<string, string>} */ ({
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.txt': 'text/plain; charset=utf-8',
});

export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-src 'self'",
  "font-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The policy of every file but the page. */
export const FILE_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/** The headers of every answer below /console. */
export const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': FILE_POLICY,
};

export const PREVIEW_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/** All files of the console by their path, without the README files. @returns {Map<string, Buffer>} */
export function files() {
  const found = readdirSync(ASSETS, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extname(entry.name) in TYPES)
    .map((entry) => relative(ASSETS, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
  return new Map(found.map((path) => [path, served(path, readFileSync(join(ASSETS, path)))]));
}

/**
 * As functions/console/build/without_comments.rs does.
 * @param {string} path @param {Buffer} content
 */
function served(path, content) {
  if (!path.endsWith('.js') || path.startsWith('vendor/')) return content;
  let inComment = false;
  const lines = String(content)
    .split('\n')
    .map((line) => {
      const code = line.trim();
      if (!inComment && !code.startsWith('/*')) return code;
      const end = code.indexOf('*/');
      inComment = end < 0;
      return inComment ? '' : code.slice(end + 2).trimStart();
    })
    .filter((code) => code !== '' && !code.startsWith('//'));
  return Buffer.from(`${lines.join('\n')}\n`);
}

/**
 * Answers a request for a file of the console.
 * @param {string} path
 * @returns {{status: number, headers: Record<string, string>, body: Buffer | string} | null} null for another path
 */
export function serve(path) {
  if (path === '/console') return { status: 308, headers: { ...HEADERS, location: '/console/' }, body: '' };
  if (!path.startsWith('/console/')) return null;
  const all = files();
  const digest = createHash('sha256');
  for (const [name, content] of all) digest.update(name).update(content);
  const hash = digest.digest('hex').slice(0, 16);
  if (path === '/console/') {
    const page = String(all.get('index.html')).replace(/((?:href|src)="\.\/)HASH\//g, `$1${hash}/`);
    const headers = { 'content-type': TYPES['.html'] ?? '', 'cache-control': 'no-cache', etag: `"${hash}"` };
    return { status: 200, headers: { ...HEADERS, ...headers, 'content-security-policy': POLICY }, body: page };
  }
  const [, , said = '', ...rest] = path.split('/');
  const content = said === hash ? all.get(rest.join('/')) : undefined;
  if (!content)
    return { status: 404, headers: { ...HEADERS, 'content-type': TYPES['.txt'] ?? '' }, body: 'Not found.' };
  const headers = {
    'content-type': TYPES[extname(path)] ?? '',
    'cache-control': 'public, max-age=31536000, immutable',
  };
  return { status: 200, headers: { ...HEADERS, ...headers }, body: content };
}
