import { randomBytes } from 'node:crypto';

/** A name for a new epoch: 10 characters of [0-9a-z], 48 random bits. */
export function newEpoch(): string {
  return randomBytes(6).readUIntBE(0, 6).toString(36).padStart(10, '0');
}
