// The function `console` serves the files as the mock of the other tests does.

import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import test from 'node:test';
import { brotliDecompressSync } from 'node:zlib';
import { files, HEADERS, serve } from '../support/assets.js';
import { URL_OF_API } from '../support/stack.js';

/**
 * A request whose answer is neither followed nor decompressed.
 * @param {string} path @param {Record<string, string>} [headers]
 * @returns {Promise<{status: number, headers: import('node:http').IncomingHttpHeaders, body: Buffer}>}
 */
const raw = (path, headers = {}) =>
  new Promise((resolve, reject) => {
    const sent = httpRequest(URL_OF_API + path, { headers }, async (answer) => {
      const body = Buffer.concat(await answer.toArray());
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
    });
    sent.on('error', reject).end();
  });

test('the page and its redirect have the headers of the mock', async () => {
  for (const path of ['/console', '/console/', '/console/nothing.js']) {
    const [real, mocked] = [await raw(path), serve(path)];
    assert.equal(real.status, mocked?.status, path);
    for (const name of [...Object.keys(HEADERS), 'location', 'content-security-policy']) {
      assert.equal(real.headers[name], mocked?.headers[name], `${name} of ${path}`);
    }
  }
  const page = await raw('/console/');
  assert.equal(page.headers['cache-control'], 'no-cache');
  const again = await raw('/console/', { 'if-none-match': String(page.headers.etag) });
  assert.equal(again.status, 304);
});

test('every file is served below the hash, plain and compressed', async () => {
  const page = String((await raw('/console/')).body);
  const hash = page.match(/"\.\/([0-9a-f]{16})\//)?.[1];
  assert.ok(hash, page);
  for (const [path, content] of files()) {
    if (path === 'index.html') continue;
    const plain = await raw(`/console/${hash}/${path}`);
    assert.equal(plain.status, 200, path);
    assert.ok(plain.body.equals(content), `${path} differs: build the function again`);
    assert.equal(plain.headers['cache-control'], 'public, max-age=31536000, immutable');
    const packed = await raw(`/console/${hash}/${path}`, { 'accept-encoding': 'gzip, br' });
    assert.equal(packed.headers['content-encoding'], 'br', path);
    assert.ok(brotliDecompressSync(packed.body).equals(content), path);
    const mocked = serve(`/console/${serveHash()}/${path}`);
    assert.equal(plain.headers['content-type'], mocked?.headers['content-type'], path);
  }
});

const serveHash = () => String(serve('/console/')?.body).match(/"\.\/([0-9a-f]{16})\//)?.[1];
