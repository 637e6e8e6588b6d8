import { expect, test } from 'vitest';
import { createTally } from '../../../relay/sockets/tally.js';

test('the first time is told at once, the others together when their time has come, each kind for itself', () => {
  let now = 0;
  const tally = createTally(1_000, () => now);
  expect([tally('a'), tally('a'), tally('a'), tally('b')]).toEqual([1, 0, 0, 1]);
  now = 1_000;
  expect([tally('a'), tally('a'), tally('b')]).toEqual([3, 0, 1]);
  now = 1_999;
  expect(tally('a')).toBe(0);
});
