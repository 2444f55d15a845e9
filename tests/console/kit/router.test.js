// Addresses of pages.

import assert from 'node:assert/strict';
import test from 'node:test';
import { address, parse } from '../../../functions/console/assets/kit/router.js';
import { ENTRIES, find } from '../../../functions/console/assets/routes.js';

/** @param {string} hash */
const parsed = (hash) => {
  const { path, query } = parse(hash);
  return [path, Object.fromEntries(query)];
};

test('a fragment has a path and a query', () => {
  assert.deepEqual(parsed(''), [[], {}]);
  assert.deepEqual(parsed('#/now'), [['now'], {}]);
  assert.deepEqual(parsed('#/emails?status=failed&queue=a%20b'), [['emails'], { status: 'failed', queue: 'a b' }]);
  assert.deepEqual(parsed('#/queues/a%2Fb/'), [['queues', 'a/b'], {}]);
  assert.deepEqual(parsed('#/emails?tag=a?b'), [['emails'], { tag: 'a?b' }]);
});

test('a malformed segment stays as it is', () => {
  assert.deepEqual(parsed('#/queues/100%'), [['queues', '100%'], {}]);
});

test('an address is read as it was written', () => {
  const path = ['queues', 'a/b?c#d%e&f é'];
  const { path: read, query } = parse(address(path, { since: '2026-01-01T00:00:00+01:00', queue: '', n: 0 }));
  assert.deepEqual(read, path);
  assert.deepEqual(Object.fromEntries(query), { since: '2026-01-01T00:00:00+01:00', n: '0' });
});

test('an address may be given as text', () => {
  assert.equal(address('/emails'), '#/emails');
  assert.equal(address('#/emails', { status: 'failed' }), '#/emails?status=failed');
});

test('every page has a module, and other addresses have none', () => {
  for (const { path, detail } of ENTRIES) {
    assert.equal(typeof find([path]), 'function', path);
    assert.equal(find([path, 'x']) === null, detail === undefined, path);
  }
  assert.equal(find([]), find(['now']));
  for (const unknown of [['nothing'], ['emails', 'x', 'y'], ['constructor'], ['__proto__']]) {
    assert.equal(find(unknown), null, String(unknown));
  }
});
