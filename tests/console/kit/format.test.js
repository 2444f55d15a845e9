// Numbers as text.

import assert from 'node:assert/strict';
import test from 'node:test';
import { bytes, dollars, number, percent } from '../../../functions/console/assets/kit/format.js';

test('numbers have separators', () => {
  assert.deepEqual([0, 999, 12_345, 1.255, -1_000].map(number), ['0', '999', '12,345', '1.26', '-1,000']);
});

test('a share becomes a percentage', () => {
  assert.equal(percent(0.0123, 2), '1.23%');
  assert.equal(percent(0), '0.0%');
  assert.equal(percent(1, 0), '100%');
});

test('a size has a unit of 1,000', () => {
  const sizes = [0, 1, 999, 1_000, 1_500, 999_949, 999_950, 40_000_000, 5e15];
  assert.deepEqual(sizes.map(bytes), [
    '0 bytes',
    '1 byte',
    '999 bytes',
    '1.0 KB',
    '1.5 KB',
    '999.9 KB',
    '1.0 MB',
    '40.0 MB',
    '5000.0 TB',
  ]);
});

test('money always has its unit and the word estimate', () => {
  assert.deepEqual([0, 1.234, 1_234.5, 0.000105].map(dollars), [
    '$0.00 (estimate)',
    '$1.23 (estimate)',
    '$1,234.50 (estimate)',
    '$0.000105 (estimate)',
  ]);
});

test('a missing number is a dash', () => {
  for (const write of [number, percent, bytes, dollars]) {
    assert.deepEqual([write(null), write(undefined), write(Number.NaN)], ['–', '–', '–'], write.name);
  }
});
