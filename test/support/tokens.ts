import { createHash } from 'node:crypto';
import jwt from 'jsonwebtoken';

/** The secret that `startRelay` gives to a relay and that every helper signs with unless told another. */
export const SECRET = 'a-secret-that-only-tests-know-0123456789';

export interface TokenOptions {
  secret?: string;
  /** Seconds from now; negative is in the past. */
  expiresIn?: number;
  /** Added to the claims, or put in their place; `undefined` takes one away. */
  claims?: Record<string, unknown>;
  algorithm?: jwt.Algorithm;
}

// Signed by a library and from the contract's words, not by the relay's own code, which it is there to check.
function mint(claims: Record<string, unknown>, options: TokenOptions): string {
  const { secret = SECRET, algorithm = 'HS256' } = options;
  const all = Object.entries({ ...claims, ...options.claims }).filter(([, value]) => value !== undefined);
  const payload = Object.fromEntries(all);
  // The option does not merely add no iat: it takes away one that is there.
  const noTimestamp = !('iat' in payload);
  return jwt.sign(payload, algorithm === 'none' ? '' : secret, { algorithm, noTimestamp });
}

const now = (): number => Math.floor(Date.now() / 1000);

export function clientToken(user: string | number, options: TokenOptions = {}): string {
  return mint({ aud: 'relay:client', sub: String(user), exp: now() + (options.expiresIn ?? 600) }, options);
}

export function internalToken(body: string | Uint8Array | undefined, options: TokenOptions = {}): string {
  return mint(bodyClaims('relay:internal', body, options), options);
}

/** As the relay signs its calls to the PHP backend. */
export function backendToken(body: string | Uint8Array, options: TokenOptions = {}): string {
  return mint(bodyClaims('relay:backend', body, options), options);
}

function bodyClaims(
  aud: string,
  body: string | Uint8Array | undefined,
  options: TokenOptions,
): Record<string, unknown> {
  const iat = now();
  const hash = body === undefined ? undefined : createHash('sha256').update(body).digest('hex');
  return { aud, iat, exp: iat + (options.expiresIn ?? 60), body: hash };
}
