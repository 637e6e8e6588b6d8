import { Agent, type IncomingMessage, request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { connect, connectAs } from '../../support/client.js';
import { DEPLOYMENTS, newUser, storeOf } from '../../support/deployment.js';
import { internalApi } from '../../support/internal.js';
import { freePort } from '../../support/ports.js';
import { openRawPage } from '../../support/raw-page.js';
import { startRelay } from '../../support/relay.js';
import { openTcp, type Tcp, upgradeHead } from '../../support/tcp.js';
import { onTeardown } from '../../support/teardown.js';
import { clientToken, internalToken } from '../../support/tokens.js';
import { until, within } from '../../support/until.js';

describe.each(DEPLOYMENTS)('a relay that is told to stop (%s)', (deployment) => {
  test('turns red, takes nobody new, lets its sockets come back by themselves, and exits with 0', async () => {
    const port = await freePort();
    const settings = { ...storeOf(deployment), RELAY_PORT: port, RELAY_DRAIN_SECONDS: 2 };
    const relay = await startRelay(settings);
    const [user, other] = [newUser(), newUser()];
    const pages = await Promise.all([user, user, other].map((id) => connectAs(relay, clientToken(id))));
    const ends = pages.map(async (page) => {
      const reason = await page.disconnected(15_000);
      return { reason, at: performance.now(), active: page.socket.active };
    });

    relay.signal('SIGTERM');
    const ready = await until('readiness to turn red', async () => {
      const response = await fetch(`${relay.internalUrl}/health/ready`);
      return response.status === 503 && response.json();
    });
    expect(ready).toMatchObject({ reason: 'draining' });
    const refused = await fetch(`${relay.url}/socket.io/?EIO=4&transport=polling`);
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    const { status, headers, body } = await internalApi(relay).notify({ recipients: [user], message: { id: 'late' } });
    if (status === 503) {
      expect(headers.get('retry-after')).toMatch(/^\d+$/);
      expect(body).toMatchObject({ error: { code: 'draining' } });
    } else expect(body).toMatchObject({ id: 'late' });

    const closed = await Promise.all(ends);
    for (const { reason, active } of closed) {
      expect(reason).not.toBe('io server disconnect');
      expect(active).toBe(true);
    }
    const times = closed.map(({ at }) => at).sort((a, b) => a - b);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(500);
    expect(await relay.exited).toMatchObject({ code: 0 });

    await startRelay({ ...settings, RELAY_DRAIN_SECONDS: 0 });
    for (const page of pages) {
      await until('the page to be registered again', () => page.all('registered').length >= 2);
    }
  }, 60_000);

  test('exits at once though a browser vanished between two polls', async () => {
    const relay = await startRelay(storeOf(deployment));
    expect((await fetch(`${relay.url}/socket.io/?EIO=4&transport=polling`)).status).toBe(200);
    expect(await relay.stop(5_000)).toMatchObject({ code: 0 });
  });

  test('lets a socket without a user come back by itself as well', async () => {
    const relay = await startRelay({ ...storeOf(deployment), RELAY_DRAIN_SECONDS: 1 });
    const page = await connect(relay);
    const gone = page.disconnected();
    relay.signal('SIGINT');
    expect(await gone).not.toBe('io server disconnect');
    expect(page.socket.active).toBe(true);
    expect(await relay.exited).toMatchObject({ code: 0 });
  });
});

test('a second signal ends a relay that drains at once', async () => {
  const relay = await startRelay({ RELAY_DRAIN_SECONDS: 60 });
  await Promise.all([connectAs(relay, clientToken(1)), connectAs(relay, clientToken(1)), openRawPage(relay)]);
  relay.signal('SIGTERM');
  await relay.log('the drain', ({ msg }) => String(msg).startsWith('draining'));
  relay.signal('SIGTERM');
  await relay.exited;
});

test('a relay that stops takes leave for a polling page that is between two polls', async () => {
  const store = storeOf('two replicas over Redis');
  const [stopping, staying] = await Promise.all([startRelay(store), startRelay(store)]);
  const user = newUser();
  const base = `${stopping.url}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1)) as { sid: string };
  await fetch(`${base}&sid=${sid}`, { method: 'POST', body: `40${JSON.stringify({ token: clientToken(user) })}` });
  const presence = async () => (await internalApi(staying).get(`/presence/${user}`)).body as { sockets: unknown[] };
  const poll = async () => (await fetch(`${base}&sid=${sid}`)).text();
  await until('the page to be registered', async () => (await poll()).includes('registered'));
  expect((await presence()).sockets).toHaveLength(1);
  await stopping.stop();
  // at once, and not with the lease of the relay that is gone
  expect((await presence()).sockets).toEqual([]);
});

test('a relay that stops sends away who waits to be let in, with an answer, and is held up by none', async () => {
  const relay = await startRelay();
  const connected = async () => {
    const tcp = await openTcp(relay.url);
    tcp.write('GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n');
    await until('it to be taken on', () => tcp.received.includes('200 OK'));
    return tcp;
  };
  const upgrade = upgradeHead('/socket.io/?EIO=4&transport=websocket');
  const poll = 'GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: relay\r\n\r\n';
  const first = await connected();
  const comers: Tcp[] = [];
  for (let count = 0; count < 20; count += 1) comers.push(await connected());

  // what all of them ask is there in the turn of the event loop at whose end the signal is taken
  relay.signal('SIGSTOP');
  first.write(poll);
  for (const [index, tcp] of comers.entries()) tcp.write(index % 2 === 0 ? upgrade : poll);
  relay.signal('SIGTERM');
  relay.signal('SIGCONT');
  expect(await within('the stop', relay.exited, 5_000)).toMatchObject({ code: 0 });
  expect(await first.closed).toContain('"sid":');
  for (const tcp of comers) {
    expect(await tcp.closed).toMatch(/200 OK.*HTTP\/1\.1 503 .*retry-after: 1\r.*"code":"draining"/is);
  }
});

describe('PHP that goes on calling a relay that stops', () => {
  interface Told {
    readonly status: number | undefined;
    readonly retryAfter: string | undefined;
    readonly connection: string | undefined;
    readonly body: string;
  }

  function post(url: string, value: unknown, agent: Agent | false): Promise<Told> {
    const body = JSON.stringify(value);
    const authorization = `Bearer ${internalToken(body)}`;
    const headers = { authorization, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const asking = request(url, { method: 'POST', headers, agent }, async (response: IncomingMessage) => {
        let text = '';
        for await (const chunk of response.setEncoding('utf8')) text += chunk;
        const { 'retry-after': retryAfter, connection } = response.headers;
        resolve({ status: response.statusCode, retryAfter, connection, body: text });
      });
      asking.on('error', reject).end(body);
    });
  }

  test('is served, or told 503 to try elsewhere, and never cut off, whatever it calls and how', async () => {
    const relay = await startRelay();
    const notify = `${relay.internalUrl}/notify`;
    let id = 0;
    const one = (recipients: number) => {
      id += 1;
      return { recipients: Array.from({ length: recipients }, (_, index) => index + 1), message: { id } };
    };
    const many = () => ({ notifications: Array.from({ length: 300 }, () => one(1)) });
    const kept = () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      onTeardown(() => agent.destroy());
      return agent;
    };
    const calls: readonly [string, string, () => unknown, Agent | false][] = [
      ['on one connection', notify, () => one(1), kept()],
      ['on new connections', notify, () => one(1), false],
      ['in batches', `${notify}/batch`, many, kept()],
      ['for many', notify, () => one(5_000), kept()],
    ];
    const ends = calls.map(async ([how, url, value, agent]) => {
      for (;;) {
        const told = await post(url, value(), agent).catch((error: NodeJS.ErrnoException) => error.code);
        if (typeof told !== 'object' || told.status !== 200) return [how, told] as const;
      }
    });
    await until('all of them to call', () => id > 2_000);
    relay.signal('SIGTERM');
    const told = { status: 503, retryAfter: '1', connection: 'close', body: expect.stringContaining('"draining"') };
    for (const [how, end] of await Promise.all(ends)) {
      // what took longer than others are told may come too late for that
      if (end !== 'ECONNREFUSED' || !/batches|many/.test(how)) expect([how, end]).toEqual([how, told]);
    }
    expect(await relay.exited).toMatchObject({ code: 0 });
  }, 30_000);
});
