import { randomBytes } from 'node:crypto';

/** How many are drawn at once: each by itself, 6 bytes cost 7.5 µs in place of 1.2. */
const AT_ONCE = 128;

/** Makes a function that gives so many bytes of `node:crypto`, none of them twice. To be read at once, not kept. */
export function createRandomBytes(size: number): () => Buffer {
  let drawn = Buffer.alloc(0);
  return () => {
    if (drawn.length === 0) drawn = randomBytes(size * AT_ONCE);
    const given = drawn.subarray(0, size);
    drawn = drawn.subarray(size);
    return given;
  };
}
