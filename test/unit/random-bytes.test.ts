import { expect, test } from 'vitest';
import { createRandomBytes } from '../../relay/random-bytes.js';

test('so many bytes each time, and never the same ones', () => {
  const draw = createRandomBytes(15);
  const drawn = Array.from({ length: 1_000 }, () => draw().toString('hex'));
  expect(drawn.filter((hex) => hex.length !== 30)).toEqual([]);
  expect(new Set(drawn).size).toBe(drawn.length);
});
