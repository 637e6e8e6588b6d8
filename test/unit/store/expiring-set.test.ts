import { expect, test } from 'vitest';
import { createExpiringSet } from '../../../relay/store/expiring-set.js';

test('a key is known for its time from when it was added, however often it is asked for', () => {
  let now = 1_000_000;
  const set = createExpiringSet(60, () => now);
  expect([set.add('a'), set.add('a'), set.add('b')]).toEqual([true, false, true]);
  now += 59_000;
  expect([set.add('a'), set.add('c')]).toEqual([false, true]);
  now += 1_000;
  expect([set.add('a'), set.add('c')]).toEqual([true, false]);
});
