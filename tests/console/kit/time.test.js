// Times and durations.

import assert from 'node:assert/strict';
import test from 'node:test';
import { agoText, duration, fromIso, toIso, utc } from '../../../functions/console/assets/kit/time.js';

test('a distance has its largest unit', () => {
  const distances = [0, -1, -2, -59, -60, -3_599, -3_600, -86_399, -86_400, 1, 90, 7_200, 172_800];
  assert.deepEqual(
    distances.map((seconds) => agoText(seconds * 1000, 0)),
    [
      'just now',
      'just now',
      '2 seconds ago',
      '59 seconds ago',
      '1 minute ago',
      '59 minutes ago',
      '1 hour ago',
      '23 hours ago',
      '1 day ago',
      'just now',
      'in 1 minute',
      'in 2 hours',
      'in 2 days',
    ],
  );
});

test('a duration has its two largest units', () => {
  const seconds = [0, 0.25, 1, 59, 60, 65, 3_600, 3_661, 90_061, 1.6];
  assert.deepEqual(seconds.map(duration), [
    '0 s',
    '250 ms',
    '1 s',
    '59 s',
    '1 min',
    '1 min 5 s',
    '1 h',
    '1 h 1 min',
    '1 d 1 h',
    '2 s',
  ]);
  assert.deepEqual([null, undefined, Number.NaN, Number.POSITIVE_INFINITY].map(duration), ['–', '–', '–', '–']);
});

test('a local time survives the way to UTC and back', () => {
  const local = '2026-12-24T18:00:00';
  assert.equal(toIso(local), new Date(local).toISOString());
  assert.equal(fromIso(toIso(local)), local);
});

test('a text that is no time is empty', () => {
  for (const text of ['', 'tomorrow', '2026-13-40']) {
    assert.equal(toIso(text), '');
    assert.equal(fromIso(text), '');
  }
  assert.equal(fromIso(null), '');
});

test('UTC is written with its name', () => {
  assert.equal(utc(new Date('2026-12-24T18:00:00.123+01:00')), '2026-12-24 17:00:00 UTC');
});
