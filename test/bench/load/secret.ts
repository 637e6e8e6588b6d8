import { createHash, createHmac } from 'node:crypto';

export const SECRET = 'a secret of the benchmark, 32 bytes at least';

const HEADER = encode({ alg: 'HS256', typ: 'JWT' });
const CALL_LIFE = 290;
const PAGE_LIFE = 3_600;

/** PHP's token of a call, bound to the body (CONTRACT section 3). */
export function callToken(body: string): string {
  const iat = now();
  const bound = createHash('sha256').update(body).digest('hex');
  return sign({ aud: 'relay:internal', iat, exp: iat + CALL_LIFE, body: bound });
}

export function pageToken(user: string): string {
  return sign({ aud: 'relay:client', sub: user, exp: now() + PAGE_LIFE });
}

function sign(claims: object): string {
  const signed = `${HEADER}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
