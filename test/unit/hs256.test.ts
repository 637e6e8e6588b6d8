import { createHmac, createSecretKey } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { expect, test } from 'vitest';
import { readHs256 } from '../../relay/hs256.js';

const key = createSecretKey(Buffer.from('a key of thirty-two bytes or more'));
const other = createSecretKey(Buffer.from('another key of thirty-two bytes..'));
const claims = { aud: 'relay:internal', sub: 'Jöns', iat: 1_700_000_000, exp: 1_700_000_060 };

const token = (header: object, payload: string, by = key) => {
  const signed = [JSON.stringify(header), payload].map((part) => Buffer.from(part).toString('base64url')).join('.');
  return `${signed}.${createHmac('sha256', by).update(signed).digest('base64url')}`;
};

test('what jsonwebtoken signs is read, and read again under the same header', () => {
  const signed = jwt.sign(claims, key);
  expect(readHs256(signed, key)).toEqual(claims);
  expect(readHs256(signed, key)).toEqual(claims);
  expect(readHs256(token({ alg: 'HS256' }, JSON.stringify(claims)), key)).toEqual(claims);
});

const signed = jwt.sign(claims, key);
const [head, body, signature = ''] = signed.split('.');
test.each([
  ['another key', jwt.sign(claims, other)],
  ['another payload', `${head}.${body}x.${signature}`],
  ['no signature', `${head}.${body}.`],
  ['part of a signature', signed.slice(0, -1)],
  ['a signature and more', `${signed}=`],
  ['a signature of as many characters, not all of them ASCII', `${head}.${body}.${signature.slice(1)}Æ`],
  ['the algorithm none', token({ alg: 'none' }, JSON.stringify(claims))],
  ['another algorithm', jwt.sign(claims, key, { algorithm: 'HS512' })],
  ['a header that must be understood', token({ alg: 'HS256', crit: ['exp'] }, JSON.stringify(claims))],
  ['a header that is no object', token(['HS256'], JSON.stringify(claims))],
  ['a payload that is no JSON', token({ alg: 'HS256' }, 'claims')],
  ['a payload that is no object', token({ alg: 'HS256' }, '"claims"')],
  ['two parts', `${head}.${body}`],
  ['nothing', ''],
])('%s is left to jsonwebtoken', (_what, bad) => {
  expect(readHs256(bad, key)).toBeUndefined();
});
