import { randomBytes } from 'node:crypto';
import type { Config } from '../config.js';
import type { Tokens } from '../tokens.js';

/** By what a canary's user is believed: a token, or, where it has none, its claim. */
export interface Proof {
  readonly user: string;
  readonly token: string | undefined;
}

/** Seconds: a canary lives for one examination, `--slow` included. */
const LIFE = 300;

/** Makes a user that is nobody's; `undefined` where only PHP sessions are believed, of which the doctor has none. */
export function proofMaker({ identity }: Config, tokens: Tokens): (() => Proof) | undefined {
  const named = identity.includes('token') ? 'token' : identity.includes('claim') ? 'claim' : undefined;
  if (named === undefined) return undefined;
  return () => {
    const user = `doctor-${randomBytes(6).toString('hex')}`;
    return { user, token: named === 'token' ? tokens.signClient(user, LIFE) : undefined };
  };
}
