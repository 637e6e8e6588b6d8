import { beforeAll, describe, expect, test } from 'vitest';
import { connect, connectAs, open, refusal } from '../../support/client.js';
import { newUser } from '../../support/deployment.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import { internalApi } from '../../support/internal.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { frame, openRawWebSocket, openTcp, type Tcp, upgradeHead } from '../../support/tcp.js';
import { clientToken } from '../../support/tokens.js';
import { until, within } from '../../support/until.js';
import { createAuthority } from '../doctor/certificates.js';

const SOCKET = '/socket.io/?EIO=4&transport=websocket';
const POLLING = '/socket.io/?EIO=4&transport=polling';

describe('a connection that is no socket', () => {
  let relay: Relay;
  beforeAll(async () => {
    relay = await startRelay({ RELAY_REGISTER_TIMEOUT: 1 });
  });

  test('is closed after the register timeout when it never asks to be one', async () => {
    const silent = await openRawWebSocket(relay.url, SOCKET);
    const polled = await fetch(`${relay.url}${POLLING}`);
    const { sid } = JSON.parse((await polled.text()).slice(1)) as { sid: string };
    await within('the close', silent.closed, 4_000);
    await until('the polling one to be forgotten', async () => {
      const { status } = await fetch(`${relay.url}${POLLING}&sid=${sid}`);
      return status === 400;
    });
    await relay.log('its end', ({ msg }) => msg === 'a connection ended that had not become a socket');
  });

  test('is closed when it was one and gave it back', async () => {
    const page = await openRawWebSocket(relay.url, SOCKET);
    page.write(frame('40'));
    await until('the socket', () => page.received.includes('40{"sid"'));
    page.write(frame('41'));
    await within('the close', page.closed, 4_000);
  });

  test('is a socket no longer once it broke the protocol, though its next poll does not come', async () => {
    const user = newUser();
    const polled = await fetch(`${relay.url}${POLLING}`);
    const { sid } = JSON.parse((await polled.text()).slice(1)) as { sid: string };
    const say = (body: string) => fetch(`${relay.url}${POLLING}&sid=${sid}`, { method: 'POST', body });
    await say(`40${JSON.stringify({ token: clientToken(user) })}`);
    const sockets = async () =>
      ((await internalApi(relay).get(`/presence/${user}`)).body as { sockets: unknown[] }).sockets.length;
    await until('the socket', async () => (await sockets()) === 1);
    await say('42/elsewhere,["typing",{}]');
    await until('its end', async () => (await sockets()) === 0, 3_000);
  });

  test('is closed when what it says is no Socket.IO, and the log says what', async () => {
    const page = await openRawWebSocket(relay.url, SOCKET);
    page.write(frame('40'));
    await until('the socket', () => page.received.includes('40{"sid"'));
    page.write(frame('42{"no":"list"}'));
    await within('the close', page.closed, 4_000);
    await relay.log(
      'why',
      ({ msg, reason }) => msg === 'refused: an unreadable packet' && reason === 'invalid payload',
    );
    const metrics = await (await fetch(`${relay.internalUrl}/metrics`)).text();
    expect(metrics).toMatch(/^relay_rejected_total\{code="invalid_payload"\} 1$/m);
  });
});

test('connections count towards the caps though they never ask for a socket', async () => {
  const relay = await startRelay({ RELAY_MAX_CONNECTIONS_PER_IP: 2 });
  const silent = await Promise.all([1, 2].map(() => openRawWebSocket(relay.url, SOCKET)));
  const refused = open(relay, { auth: { token: clientToken(1) } });
  expect((await refusal(refused)).data).toMatchObject({ code: 'too_many_connections', scope: 'address' });
  for (const one of silent) one.drop();
  await until('room again', () => connect(relay));
});

test('what comes beyond twice the cap is answered 503 with Retry-After before it costs anything', async () => {
  const relay = await startRelay({ RELAY_MAX_CONNECTIONS: 2 });
  const silent = await Promise.all(Array.from({ length: 4 }, () => openRawWebSocket(relay.url, SOCKET)));
  const response = await fetch(`${relay.url}${POLLING}`);
  expect([response.status, await response.json()]).toMatchObject([503, { error: { code: 'too_many_connections' } }]);
  expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  const upgrade = await openTcp(relay.url);
  upgrade.write(upgradeHead(SOCKET));
  expect(await within('the answer', upgrade.closed, 4_000)).toMatch(/^HTTP\/1\.1 503 .*Retry-After: \d/s);
  for (const one of silent) one.drop();
  await until('room again', () => connect(relay));
});

describe('a path that only resembles that of Socket.IO', () => {
  let relay: Relay;
  beforeAll(async () => {
    relay = await startRelay();
  });

  test.each([
    '/socket.io?EIO=4&transport=websocket',
    '//elsewhere.example/socket.io/?EIO=4&transport=websocket',
    'http://elsewhere.example/socket.io/?EIO=4&transport=websocket',
    '/x/../socket.io/?EIO=4&transport=websocket',
    '/socket.io/../?EIO=4&transport=websocket',
    '*',
  ])('is answered when %s is to be upgraded, and left hanging never', async (path) => {
    const tcp = await openTcp(relay.url);
    tcp.write(upgradeHead(path));
    expect(await within('the answer', tcp.closed, 4_000)).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  test.each(['/socket.io/x?EIO=4&transport=polling', '/socket.io/../x?EIO=4&transport=polling', '/socket.io/x.js'])(
    'is no way past the gate: %s',
    async (path) => {
      const tcp = await openTcp(relay.url);
      const origin = 'Origin: https://evil.example';
      tcp.write([`GET ${path} HTTP/1.1`, 'Host: relay', origin, 'Connection: close', '', ''].join('\r\n'));
      expect(await within('the answer', tcp.closed, 4_000)).toMatch(/^HTTP\/1\.1 404 /);
    },
  );
});

describe('what one page can cost', () => {
  test('a plain request that names a WebSocket which is there is answered at once', async () => {
    const relay = await startRelay();
    const page = await openRawWebSocket(relay.url, SOCKET);
    await until('its session', () => page.received.includes('"sid":"'));
    const sid = page.received.split('"sid":"')[1]?.split('"')[0];
    const response = await fetch(`${relay.url}${SOCKET}&sid=${sid}`, { signal: AbortSignal.timeout(5_000) });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('a WebSocket begins with an upgrade');
  });

  test('packets that are no events have the rate of events', async () => {
    const relay = await startRelay({ RELAY_EVENT_RATE: 4 });
    const page = await openRawWebSocket(relay.url, SOCKET);
    for (let count = 0; count < 40; count += 1) page.write(frame('40{"token":"guess"}'));
    await within('the close', page.closed, 4_000);
    await relay.log('why', ({ msg }) => msg === 'refused: too many packets a second');
  });

  test('the binary parts of an event count towards its size', async () => {
    const relay = await startRelay({ RELAY_MAX_PAYLOAD: 2_048 });
    const page = await connectAs(relay, clientToken(newUser()), { transports: ['websocket'] });
    const ended = page.disconnected();
    page.emit('typing', { conversation_id: 5, a: Buffer.alloc(1_500), b: Buffer.alloc(1_500) });
    expect(await page.next('relay_error')).toMatchObject([{ code: 'payload_too_large' }]);
    await ended;
  });

  test('nesting without end is refused by name, and is no failure of the backend', async () => {
    const backend = await startFakeBackend(({ action }) => (action === 'members' ? { members: [1, 2] } : { emit: [] }));
    const relay = await startRelay({ RELAY_BACKEND_URL: backend.url, RELAY_CLIENT_SEND: 'persist' });
    const page = await openRawWebSocket(relay.url, SOCKET);
    page.write(frame(`40${JSON.stringify({ token: clientToken(1) })}`));
    await until('the registration', () => page.received.includes('42["registered",{"ok":true'));
    let asked = 0;
    const ask = async (event: string, payload: string): Promise<string> => {
      asked += 1;
      const ack = `43${asked}`;
      page.write(frame(`42${asked}["${event}",${payload}]`));
      await until(`the ack of ${event}`, () => page.received.includes(ack));
      return page.received.slice(page.received.indexOf(ack) + ack.length);
    };
    const deep = `{"conversation_id":5,"a":${'['.repeat(15_000)}${']'.repeat(15_000)}}`;
    const refused = /^\[\{"ok":false,"error":\{"code":"invalid_payload","message":"is nested/;
    for (const event of ['get_messages', 'send_message', 'typing', 'message_read', 'getUnreadCount', 'get_messages']) {
      expect(await ask(event, deep)).toMatch(refused);
    }
    expect(await ask('typing', JSON.stringify(deep))).toMatch(refused);
    expect(await ask('typing', '{"conversation_id":5}')).toMatch(/^\[\{"ok":true/);
    expect(relay.logs.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  test('the name of an event is short, in the log as well', async () => {
    const relay = await startRelay();
    const page = await connectAs(relay, clientToken(1));
    const name = 'n'.repeat(50_000);
    expect(await page.ask(name, 1)).toMatchObject({ ok: false, error: { code: 'invalid_payload' } });
    expect(await page.ask('typing', 1)).toMatchObject({ ok: false });
    expect(JSON.stringify(relay.logs)).not.toContain(name.slice(0, 200));
  });
});

describe('who sends slowly', () => {
  let relay: Relay;
  /** What each connection was told by its end. All of them wait at the same time; each is looked at by its own test. */
  let heads: readonly Promise<string>[][];
  let requests: readonly Promise<string>[];
  let silent: Promise<string>;

  beforeAll(async () => {
    relay = await startRelay();
    const { cert, key } = await (await createAuthority()).issue('DNS:localhost', 9);
    const overTls = await startRelay({ RELAY_TLS_CERT_FILE: cert, RELAY_TLS_KEY_FILE: key });
    heads = await Promise.all([relay.url, relay.internalUrl].map(sendHeadsSlowly));
    requests = await sendRequestsSlowly();
    silent = within('the close', (await openTcp(overTls.url)).closed, 14_000);
    for (const end of [...heads.flat(), ...requests, silent]) end.catch(() => undefined);
  });

  function drip(tcp: Tcp, drop: string, patience: number): Promise<string> {
    const dripping = setInterval(() => tcp.write(drop), 1_000);
    return within('the end', tcp.closed, patience).finally(() => clearInterval(dripping));
  }

  async function sendHeadsSlowly(url: string): Promise<Promise<string>[]> {
    const ends: Promise<string>[] = [];
    for (const head of ['', 'GET /healthz HTTP/1.1\r\n', upgradeHead(SOCKET).slice(0, -2)]) {
      const tcp = await openTcp(url);
      tcp.write(head);
      ends.push(head === '' ? within('the end', tcp.closed, 14_000) : drip(tcp, 'X-Slow: 1\r\n', 14_000));
    }
    return ends;
  }

  async function sendRequestsSlowly(): Promise<Promise<string>[]> {
    const { sid } = JSON.parse((await (await fetch(`${relay.url}${POLLING}`)).text()).slice(1)) as { sid: string };
    const [page, php] = [await openTcp(relay.url), await openTcp(relay.internalUrl)];
    const head = (path: string) => `POST ${path} HTTP/1.1\r\nHost: relay\r\nContent-Length: 1000\r\n\r\n4`;
    page.write(head(`${POLLING}&sid=${sid}`));
    php.write(head('/notify'));
    return [drip(page, '2', 36_000), drip(php, '2', 36_000)];
  }

  test.each([
    ['the public listener', 0],
    ['the internal listener', 1],
  ])('has 10 s for the head of a request at %s, and is told', async (_, index) => {
    const answers = await Promise.all(heads[index] ?? []);
    expect(answers).toHaveLength(3);
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('has 10 s for the handshake of TLS', async () => {
    expect(await silent).toBe('');
  });

  test('has 30 s for a whole request, wherever it goes', async () => {
    await Promise.all(requests);
    expect((await internalApi(relay).get('/presence?users=1')).status).toBe(200);
  }, 45_000);
});

test('an empty session id is no way past the accept rate', async () => {
  const relay = await startRelay({ RELAY_ACCEPT_RATE: 1 });
  const statuses = await Promise.all(
    Array.from({ length: 6 }, async () => (await fetch(`${relay.url}${POLLING}&sid=`)).status),
  );
  expect(statuses).toContain(503);
});
