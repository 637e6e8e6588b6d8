import { createRandomBytes } from '../random-bytes.js';

const BYTES = 6;
const draw = createRandomBytes(BYTES);

/** A name for a new epoch: 10 characters of [0-9a-z], 48 random bits. */
export function newEpoch(): string {
  return draw().readUIntBE(0, BYTES).toString(36).padStart(10, '0');
}
