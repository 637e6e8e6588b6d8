import { hash } from 'node:crypto';
import type { Tokens } from '../tokens.js';
import type { Identity } from './identity.js';

/** The user of a browser's token. Throws RelayError `token_invalid` or `token_expired`. */
export function identifyByToken(tokens: Tokens, token: string): Identity {
  const { user, expires } = tokens.verifyClient(token);
  return { user, proof: 'token', browser: [`t:${fingerprint(token)}`], expires };
}

/** Enough of a hash to tell browsers apart; nobody can get the proof back from it. */
export function fingerprint(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22);
}
