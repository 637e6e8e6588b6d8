import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { openTcp } from '../../support/tcp.js';
import { internalToken } from '../../support/tokens.js';
import { within } from '../../support/until.js';
import { FUZZ_TIMEOUT, fuzz, json, mutated, type WatchedRelay, watchRelay } from './watched-relay.js';

const NAMES = ['id', 'recipients', 'sender', 'event', 'durable', 'message', 'conversation_id', 'notifications', 'user'];
const PATHS = [
  '/notify',
  '/notify/batch',
  '/disconnect',
  '/presence',
  '/presence/17',
  '/stats',
  '/messages/1/trace',
  '/',
];
/** Nothing else: above all no 500. */
const ANSWERS = [200, 204, 400, 401, 404, 405, 413, 414, 415, 429, 431, 503];

let watched: WatchedRelay;
beforeAll(async () => {
  watched = await watchRelay();
});

async function statusOf(path: string, init: RequestInit): Promise<number> {
  const response = await fetch(`${watched.relay.internalUrl}${path}`, init);
  const text = await response.text();
  if (response.status >= 400) expect(JSON.parse(text)).toMatchObject({ error: { code: expect.any(String) } });
  return response.status;
}

const withToken = (body: string | Uint8Array | undefined, authorization = `Bearer ${internalToken(body)}`) => ({
  authorization,
  'content-type': 'application/json',
});

describe('the internal API answers whatever comes, and never with 500', () => {
  test('signed JSON of any shape', { timeout: FUZZ_TIMEOUT }, async () => {
    const notification = fc.record(
      {
        id: json(NAMES),
        recipients: fc.oneof(json(NAMES), fc.array(fc.oneof(fc.nat(), fc.string(), json(NAMES)), { maxLength: 5 })),
        sender: json(NAMES),
        event: json(NAMES),
        durable: fc.oneof(fc.boolean(), json(NAMES)),
        message: fc.oneof(fc.dictionary(fc.string(), json(NAMES)), json(NAMES)),
        conversation_id: json(NAMES),
      },
      { requiredKeys: [] },
    );
    const batch = fc.record({ notifications: fc.oneof(fc.array(notification, { maxLength: 4 }), json(NAMES)) });
    const bodies = fc.oneof(notification, batch, json(NAMES));
    await fuzz(fc.tuple(fc.constantFrom(...PATHS.slice(0, 3)), bodies), async ([path, value]) => {
      const body = JSON.stringify(value);
      expect(ANSWERS).toContain(await statusOf(path, { method: 'POST', body, headers: withToken(body) }));
    });
    await watched.isWell();
  });

  test('signed bytes that are nearly JSON', { timeout: FUZZ_TIMEOUT }, async () => {
    const samples = [
      '{"recipients":[17],"message":{"id":1,"content":"hi","sent_at":"2025-05-28 10:00:00"}}',
      '{"notifications":[{"recipients":["a"],"event":"x","durable":false,"message":{}}]}',
      '{"user":17,"reason":"logged_out"}',
    ];
    await fuzz(fc.tuple(fc.constantFrom(...PATHS.slice(0, 3)), mutated(samples)), async ([path, bytes]) => {
      const body = new Uint8Array(bytes);
      expect(ANSWERS).toContain(await statusOf(path, { method: 'POST', body, headers: withToken(body) }));
    });
    await watched.isWell();
  });

  test('tokens of any claims, and what is no token', { timeout: FUZZ_TIMEOUT }, async () => {
    const now = Math.floor(Date.now() / 1000);
    const time = fc.oneof(json(NAMES), fc.integer({ min: now - 400, max: now + 400 }));
    const claims = fc.record(
      { aud: json(NAMES), iat: time, exp: time, nbf: time, body: json(NAMES), sub: json(NAMES) },
      { requiredKeys: [] },
    );
    const signed = claims.map((made) => {
      const payload = Buffer.from(JSON.stringify({ exp: now + 60, ...made })).toString('base64url');
      const [head, , signature] = internalToken('{}').split('.');
      return `Bearer ${head}.${payload}.${signature}`;
    });
    const tokens = fc.oneof(
      signed,
      mutated([`Bearer ${internalToken('{}')}`]).map((bytes) =>
        bytes.toString('latin1').replace(/[^\t\x20-\x7e\x80-\xff]/g, ''),
      ),
    );
    await fuzz(tokens, async (authorization) => {
      const status = await statusOf('/notify', { method: 'POST', body: '{}', headers: withToken('{}', authorization) });
      // a change within the spelling of base64 leaves the token what it was: then the empty body is the fault
      expect([400, 401]).toContain(status);
    });
    await watched.isWell();
  });

  test('heads and half requests of any bytes', { timeout: FUZZ_TIMEOUT }, async () => {
    const token = internalToken(undefined);
    const samples = PATHS.map(
      (path) => `GET ${path}?users=1,2 HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer ${token}\r\n`,
    );
    const posts = ['5', '-1', '999999999', '5\r\nTransfer-Encoding: chunked', '5\r\nExpect: 100-continue'].map(
      (length) => `POST /notify HTTP/1.1\r\nHost: relay\r\nContent-Length: ${length}\r\n\r\n{}`,
    );
    await fuzz(mutated([...samples, ...posts]), async (bytes) => {
      const tcp = await openTcp(watched.relay.internalUrl);
      tcp.write(bytes);
      tcp.write('Connection: close\r\n\r\n');
      await within('an end', tcp.closed, 200).catch(() => undefined);
      expect(tcp.received).not.toMatch(/^HTTP\/1\.1 500 /m);
      tcp.reset();
    });
    await watched.isWell();
  });
});
