import { createSecretKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { RelayError } from './errors.js';
import { readHs256 } from './hs256.js';
import { userIdOf } from './user-id.js';

/** Leeway for clocks that differ, seconds (CONTRACT section 3). */
const LEEWAY = 30;
/** The longest life of an internal token, seconds. */
const INTERNAL_LIFE = 300;

export type Audience = 'relay:client' | 'relay:internal' | 'relay:backend';

export interface ClientIdentity {
  /** The user of the token's `sub`. */
  readonly user: string;
  /** When it ends, Unix seconds, without the leeway. */
  readonly expires: number;
}

export interface Tokens {
  /** Verifies a browser's token. Throws RelayError `token_invalid` or `token_expired`. */
  verifyClient(token: string): ClientIdentity;
  /** Verifies the token of a call of the internal API against the raw body, `undefined` for none. */
  verifyInternal(token: string, body: Uint8Array | undefined): void;
  /** Makes a browser's token. `life` in seconds. */
  signClient(user: string, life: number): string;
  /** Makes the token of a call, bound to its body. `life` in seconds, 60 unless told, 300 at most. */
  signCall(audience: 'relay:internal' | 'relay:backend', body: string | Uint8Array | undefined, life?: number): string;
  /** From now on these keys; nobody who is connected is asked again. */
  rekey(secret: string, previous: string | undefined): void;
}

/**
 * HS256 tokens. Keys are KeyObjects: given a string, jsonwebtoken tries it as a PEM key first, which was measured
 * to cost 45 % of a whole notify.
 */
export function createTokens(secret: string, previous: string | undefined, now: () => number = Date.now): Tokens {
  let keys = makeKeys(secret, previous);
  const seconds = () => Math.floor(now() / 1000);

  function verify(token: string, audience: Audience): jwt.JwtPayload {
    const claims = readHs256(token, first(keys));
    if (claims !== undefined && isPlainlyGood(claims, audience, now)) return claims;
    // whatever else it is, jsonwebtoken says what is wrong with it
    let failure: unknown;
    for (const key of keys) {
      try {
        return claimsOf(token, key, audience, now);
      } catch (error) {
        if (!isSignatureFailure(error)) throw explained(error, now);
        failure = error;
      }
    }
    throw explained(failure, now);
  }

  return {
    verifyClient(token) {
      const claims = verify(token, 'relay:client');
      const user = userIdOf(claims.sub);
      if (user === undefined)
        throw new RelayError('token_invalid', 'sub must be the user id, 1 to 128 printable characters');
      return { user, expires: claims.exp ?? 0 };
    },
    verifyInternal(token, body) {
      checkCall(verify(token, 'relay:internal'), body, now);
    },
    signClient(user, life) {
      return jwt.sign({ sub: user, aud: 'relay:client', iat: seconds() }, first(keys), { expiresIn: life });
    },
    signCall(audience, body, life = 60) {
      const bound = body === undefined ? {} : { body: sha256(body) };
      return jwt.sign({ aud: audience, iat: seconds(), ...bound }, first(keys), { expiresIn: life });
    },
    rekey(nextSecret, nextPrevious) {
      keys = makeKeys(nextSecret, nextPrevious);
    },
  };
}

function makeKeys(secret: string, previous: string | undefined): readonly [KeyObject, ...KeyObject[]] {
  const key = createSecretKey(Buffer.from(secret));
  return previous === undefined ? [key] : [key, createSecretKey(Buffer.from(previous))];
}

function first(keys: readonly [KeyObject, ...KeyObject[]]): KeyObject {
  return keys[0];
}

function claimsOf(token: string, key: KeyObject, audience: Audience, now: () => number): jwt.JwtPayload {
  const claims = jwt.verify(token, key, {
    algorithms: ['HS256'],
    audience,
    clockTolerance: LEEWAY,
    clockTimestamp: Math.floor(now() / 1000),
  });
  if (typeof claims === 'string') throw new RelayError('token_invalid', 'the payload must be a JSON object');
  if (typeof claims.exp !== 'number') throw new RelayError('token_invalid', 'exp is missing');
  return claims;
}

/** Of a token that is signed: it is for us and in its time. One of another shape may be good all the same. */
function isPlainlyGood(claims: jwt.JwtPayload, audience: Audience, now: () => number): boolean {
  const { aud, exp, nbf } = claims;
  return aud === audience && typeof exp === 'number' && now() / 1000 < exp && nbf === undefined;
}

function isSignatureFailure(error: unknown): boolean {
  return error instanceof jwt.JsonWebTokenError && error.message === 'invalid signature';
}

/** Turns what jsonwebtoken throws into the code of the contract, saying which claim and how far the clock is off. */
function explained(error: unknown, now: () => number): RelayError {
  if (error instanceof RelayError) return error;
  const serverTime = new Date(now()).toISOString();
  if (error instanceof jwt.TokenExpiredError) {
    const late = Math.round((now() - error.expiredAt.getTime()) / 1000);
    return new RelayError('token_expired', `exp was ${late} s ago by the relay's clock`, {
      extra: { server_time: serverTime },
    });
  }
  const reason = error instanceof Error ? error.message.replace('jwt', 'token') : 'malformed token';
  return new RelayError('token_invalid', reason, { cause: error });
}

function checkCall(claims: jwt.JwtPayload, body: Uint8Array | undefined, now: () => number): void {
  const { iat, exp } = claims;
  if (typeof iat !== 'number') throw new RelayError('token_invalid', 'iat is missing');
  if (typeof exp !== 'number' || exp - iat > INTERNAL_LIFE) {
    throw new RelayError('token_invalid', `exp must be at most ${INTERNAL_LIFE} s after iat`);
  }
  const ahead = iat - Math.floor(now() / 1000);
  if (ahead > LEEWAY) {
    throw new RelayError('token_invalid', `iat is ${ahead} s ahead of the relay's clock`, {
      extra: { server_time: new Date(now()).toISOString() },
    });
  }
  if (body !== undefined && body.length > 0) checkBody(claims.body, body);
}

function checkBody(claimed: unknown, body: Uint8Array): void {
  const actual = Buffer.from(sha256(body));
  const given = Buffer.from(typeof claimed === 'string' ? claimed : '');
  if (given.length !== actual.length || !timingSafeEqual(given, actual)) {
    throw new RelayError('body_mismatch', 'the claim body must be the lower-case hex SHA-256 of the raw request body');
  }
}

function sha256(body: string | Uint8Array): string {
  return hash('sha256', body, 'hex');
}
