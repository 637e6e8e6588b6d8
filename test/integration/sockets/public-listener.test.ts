import { beforeAll, describe, expect, test } from 'vitest';
import { refusedUpgrade } from '../../support/raw-page.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { internalToken } from '../../support/tokens.js';

describe('the public listener', () => {
  let relay: Relay;
  beforeAll(async () => {
    relay = await startRelay({ RELAY_LEGACY_NOTIFIERS: '192.0.2.1' });
  });

  const get = (path: string, headers = {}) => fetch(`${relay.url}${path}`, { headers });

  test('serves its health, the scripts that pages load, and /try', async () => {
    expect((await get('/healthz')).status).toBe(200);
    for (const script of ['/socket.io/socket.io.js', '/socket.io/socket.io.min.js', '/relay-client.js']) {
      const response = await get(script);
      expect([script, response.status]).toEqual([script, 200]);
      expect(response.headers.get('content-type')).toMatch(/javascript/);
    }
    const page = await get('/try');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/html/)]);
  });

  test.each(['/', '/notify', '/presence?users=1', '/metrics', '/health/live', '/stats', '/%', '/%zz', '/socket.io.js'])(
    'has nothing at %s, whatever token is sent',
    async (path) => {
      const response = await get(path, { authorization: `Bearer ${internalToken(undefined)}` });
      expect([response.status, await response.json()]).toMatchObject([404, { error: { code: 'not_found' } }]);
    },
  );

  test.each([
    ['what is no JSON', 'application/json', '{', 400, 'invalid_body'],
    ['a form', 'application/x-www-form-urlencoded', 'from=ada', 415, 'invalid_body'],
    ['too much', 'application/json', `"${'a'.repeat(2_000_000)}"`, 413, 'payload_too_large'],
    ['something else', 'application/json', '[]', 400, 'invalid_body'],
  ])(
    'tells who posts %s to /try/send that it is their fault, and logs no failure',
    async (_, type, body, status, code) => {
      const response = await fetch(`${relay.url}/try/send`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      });
      expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }]);
      // what is logged of it is there once a later line is
      const origin = `https://${code}-${status}-${body.length}.example`;
      await get('/socket.io/?EIO=4&transport=polling', { origin });
      await relay.log('a later refusal', (line) => line.origin === origin);
      expect(relay.logs.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    },
  );

  test.each([
    ['/', 404],
    ['/socket.io/other?EIO=4&transport=websocket', 404],
    ['/socket.io/?EIO=4&transport=websocket&sid=nobody', 400],
    ['/socket.io/?EIO=4&transport=carrier-pigeon', 400],
    ['/socket.io/?EIO=3&transport=websocket', 400],
    ['/socket.io/', 400],
  ])('answers a refused upgrade of %s with HTTP %i, never a bare close', async (path, status) => {
    const response = await refusedUpgrade(`${relay.url}${path}`);
    expect(response.statusCode).toBe(status);
  });

  test.each([{ 'user-agent': 'websocket-client-php' }, { origin: '*' }])(
    'answers an old notifier from an address that is not listed with HTTP 403: %o',
    async (headers: Record<string, string>) => {
      for (const path of ['/', '/socket.io/?EIO=4&transport=websocket']) {
        expect((await refusedUpgrade(`${relay.url}${path}`, headers)).statusCode).toBe(403);
      }
    },
  );

  test('answers an upgrade to something else than WebSocket', async () => {
    const path = '/socket.io/?EIO=4&transport=websocket';
    const { statusCode } = await refusedUpgrade(`${relay.url}${path}`, { upgrade: 'h2c' });
    expect(statusCode).toBeGreaterThanOrEqual(400);
  });
});
