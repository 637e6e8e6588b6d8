import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs, open, refusal } from '../../support/client.js';
import { openRawPage, refusedUpgrade } from '../../support/raw-page.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';

const POLLING = '/socket.io/?EIO=4&transport=polling';
const WEBSOCKET = '/socket.io/?EIO=4&transport=websocket';

describe('the origin of a page', () => {
  let relay: Relay;
  beforeAll(async () => {
    relay = await startRelay({ RELAY_ALLOWED_ORIGINS: 'https://www.example.org,http://old.example:8080' });
  });

  const polling = (headers: Record<string, string>) => fetch(`${relay.url}${POLLING}`, { headers });

  test.each(['https://evil.example', 'http://www.example.org', 'https://www.example.org:8443', 'null'])(
    'is refused with HTTP 403 on polling and WebSocket alike when it is %s',
    async (origin) => {
      const polled = await polling({ origin });
      expect(polled.status).toBe(403);
      expect(await polled.json()).toMatchObject({ error: { code: 'origin_refused' } });
      expect((await refusedUpgrade(`${relay.url}${WEBSOCKET}`, { origin })).statusCode).toBe(403);
    },
  );

  test('is refused on the upgrade also for a connection that began with polling elsewhere', async () => {
    const opened = await (await polling({ origin: 'https://www.example.org' })).text();
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
    const upgrade = await refusedUpgrade(`${relay.url}${WEBSOCKET}&sid=${sid}`, { origin: 'https://evil.example' });
    expect(upgrade.statusCode).toBe(403);
  });

  test('passes when it is allowed, and may read the answers', async () => {
    for (const origin of ['https://www.example.org', 'http://old.example:8080']) {
      const response = await polling({ origin });
      expect(response.status).toBe(200);
      expect(response.headers.get('access-control-allow-origin')).toBe(origin);
      const page = await connectAs(relay, clientToken(1), { transports: ['websocket'], extraHeaders: { origin } });
      expect(page.registered).toMatchObject({ ok: true });
    }
  });

  test('is told what it may send, before the first request of a connection and before all others', async () => {
    const origin = 'https://www.example.org';
    const { sid } = JSON.parse((await (await polling({ origin })).text()).slice(1)) as { sid: string };
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-site' };
    const preflight = (query: string, from: string) =>
      fetch(`${relay.url}${POLLING}${query}`, { method: 'OPTIONS', headers: { ...asked, origin: from } });
    for (const query of ['', `&sid=${sid}`, '&sid=nobody']) {
      const { status, headers } = await preflight(query, origin);
      expect([query, status]).toEqual([query, 204]);
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('access-control-allow-credentials')).toBe('true');
      expect(headers.get('access-control-allow-headers')).toBe('x-site');
      expect(headers.get('access-control-allow-methods')).toContain('POST');
      expect((await preflight(query, 'https://evil.example')).status).toBe(403);
    }
  });

  test('that is missing comes from no browser: it passes, and still needs a proof', async () => {
    const page = await openRawPage(relay);
    page.emit('register_user', 5);
    expect(await page.next('registered')).toMatchObject({ ok: false, error: { code: 'proof_missing' } });
  });

  test('that is refused is a connect_error to the client', async () => {
    const page = open(relay, { transports: ['websocket'], extraHeaders: { origin: 'https://evil.example' } });
    expect(await refusal(page)).toBeInstanceOf(Error);
  });
});

describe.each(['3', '4'])('JSONP, for which a page of any origin needs but a script tag (EIO=%s)', (revision) => {
  let relay: Relay;
  beforeAll(async () => {
    relay = await startRelay({ RELAY_ALLOW_EIO3: 'true' });
  });

  const ask = (query: string) => fetch(`${relay.url}/socket.io/?EIO=${revision}&transport=polling${query}`);
  const expectRefusal = async (response: Response) => {
    expect(response.status).toBe(400);
    const refused = { code: 'invalid_payload', message: expect.stringContaining('JSONP polling is not supported') };
    expect(await response.json()).toEqual({ error: refused });
  };

  test.each(['&j=0', '&j=', '&j', '&j=0&j=1', '&%6A=0'])('opens no connection (%s)', async (query) => {
    await expectRefusal(await ask(query));
  });

  test('is given nothing of a connection that there is, and is counted', async () => {
    const [, sid] = /"sid":"([^"]+)"/.exec(await (await ask('')).text()) ?? [];
    await expectRefusal(await ask(`&sid=${sid}&j=0`));
    const metrics = await (await fetch(`${relay.internalUrl}/metrics`)).text();
    expect(metrics).toMatch(/^relay_rejected_total\{code="invalid_payload"\} [1-9]/m);
  });
});

test('outside production any page of this machine may connect, and no other', async () => {
  const relay = await startRelay();
  const status = async (origin: string) => {
    const response = await fetch(`${relay.url}${POLLING}`, { headers: { origin } });
    return response.status;
  };
  for (const origin of ['http://localhost', 'https://localhost:8443', 'http://127.0.0.1:5500', 'http://[::1]:3000']) {
    expect(await status(origin)).toBe(200);
  }
  for (const origin of ['http://localhost.evil.example', 'http://10.0.0.1', 'file://', 'null']) {
    expect(await status(origin)).toBe(403);
  }
});
