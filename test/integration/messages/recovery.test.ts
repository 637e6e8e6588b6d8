import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import { internalApi } from '../../support/internal.js';
import { openRawSocket, type RawPage } from '../../support/raw-page.js';
import { startRedis } from '../../support/redis.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { openTcp } from '../../support/tcp.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const idsOn = (page: RawPage) =>
  page.events.filter(([event]) => event === 'receive_message').map(([, message]) => (message as { id: string }).id);

const siteBackend = (answer: object = {}) =>
  startFakeBackend(({ action, cookie }) =>
    action === 'identify' ? { user_id: /user=(\d+)/.exec(String(cookie))?.[1] ?? null } : answer,
  );
const sessionOf = (user: string) => ({ cookie: `PHPSESSID=${newId()}; user=${user}` });

describe.each(DEPLOYMENTS)('tabs of one browser (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    const backend = await siteBackend();
    site = await deploy(deployment, { RELAY_IDENTITY: 'session,claim', RELAY_BACKEND_URL: backend.url });
  });

  const gone = (user: string) =>
    until('the sockets to be gone', async () => {
      const { body } = await site.api.get(`/presence/${user}`);
      return (body as { sockets: unknown[] }).sockets.length === 0;
    });

  test('one that is loaded while another is cut off leaves that one what it missed', async () => {
    const user = newUser();
    const session = sessionOf(user);
    const tab = await openRawSocket(site.far, session);
    await tab.next('registered');
    tab.drop();
    await gone(user);
    await site.api.notify({ recipients: [user], message: { id: 'missed' } });

    const loaded = await openRawSocket(site.near, session);
    loaded.emit('register_user', Number(user));
    await loaded.next('registered', 2);

    const back = await openRawSocket(site.far, session);
    expect(await back.next('registered')).toMatchObject({ recovered: true });
    expect(await back.next('receive_message')).toEqual({ id: 'missed' });
  });

  test('that were opened together, and so were given two devices, each get what they missed', async () => {
    const user = newUser();
    const tabs = await Promise.all([openRawSocket(site.near), openRawSocket(site.far)]);
    for (const tab of tabs) {
      tab.emit('register_user', Number(user));
      await tab.next('registered');
    }
    const [kept = ''] = (tabs[1].setCookie ?? '').split(';');
    for (const tab of tabs) tab.drop();
    await gone(user);
    await site.api.notify({ recipients: [user], message: { id: 'missed' } });
    for (const relay of [site.near, site.far]) {
      const back = await openRawSocket(relay, { cookie: kept });
      expect(await back.next('receive_message')).toEqual({ id: 'missed' });
    }
  });
});

describe('a polling page whose close packet arrives', () => {
  const open = async (relay: { url: string }) => {
    const user = newUser();
    const token = clientToken(user);
    const base = `${relay.url}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1)) as { sid: string };
    const poll = async () => (await fetch(`${base}&sid=${sid}`)).text();
    const post = (body: string) => fetch(`${base}&sid=${sid}`, { method: 'POST', body });
    await post(`40${JSON.stringify({ token })}`);
    let seen = '';
    await until('to be registered', async () => {
      seen += await poll();
      return seen.includes('registered');
    });
    return { user, token, path: `/socket.io/${new URL(base).search}&sid=${sid}`, post };
  };
  const comeBack = async (relay: Relay, user: string, token: string) => {
    const api = internalApi(relay);
    await until('the socket to be gone', async () => {
      const { body } = await api.get(`/presence/${user}`);
      return (body as { sockets: unknown[] }).sockets.length === 0;
    });
    await api.notify({ recipients: [user], message: { id: newId() } });
    return (await connectAs(relay, token)).registered;
  };

  test('while it polls has left on purpose', async () => {
    const relay = await startRelay();
    const { user, token, path } = await open(relay);
    const line = await openTcp(relay.url);
    // one behind the other on one connection: the poll waits when the close packet comes
    line.write(`GET ${path} HTTP/1.1\r\nHost: relay\r\n\r\n`);
    line.write(`POST ${path} HTTP/1.1\r\nHost: relay\r\nContent-Length: 1\r\n\r\n1`);
    await until('both to be answered', () => line.received.split('HTTP/1.1 200 OK').length === 3);
    expect(await comeBack(relay, user, token)).toMatchObject({ recovered: null, replayed: 0 });
  });

  test('after its polls had failed is owed what it missed', async () => {
    const relay = await startRelay();
    const { user, token, post } = await open(relay);
    await post('1');
    expect(await comeBack(relay, user, token)).toMatchObject({ recovered: true, replayed: 1 });
  });
});

test('a page whose backend was away for a moment is registered without connecting again', async () => {
  const backend = await siteBackend();
  const { answer } = backend;
  backend.answer = (_, response) => void response.writeHead(500).end();
  const relay = await startRelay({ RELAY_IDENTITY: 'session', RELAY_BACKEND_URL: backend.url });
  const user = newUser();
  const page = await openRawSocket(relay, sessionOf(user));
  page.emit('register_user', Number(user));
  expect(await page.next('registered')).toMatchObject({ ok: false, error: { code: 'backend_unavailable' } });
  backend.answer = answer;
  expect(await page.next('registered', 2)).toMatchObject({ ok: true, user_id: user });
});

test('what was shown while Redis was away is not shown again to the page’s next socket, on another replica', async () => {
  const backend = await siteBackend({ emit: [{ event: 'unreadCount', data: 0 }] });
  const redis = await startRedis({ appendonly: true });
  const env = { RELAY_IDENTITY: 'session', RELAY_BACKEND_URL: backend.url, RELAY_REDIS_URL: redis.url };
  const [near, far] = await Promise.all([startRelay(env), startRelay(env)]);
  const user = newUser();
  const session = sessionOf(user);
  const page = await openRawSocket(near, session);
  await page.next('registered');
  await redis.stop();
  const early = { recipients: [user], message: { id: 'early' } };
  const refused = await internalApi(near).notify(early);
  expect(refused.status).toBe(503);
  await page.next('receive_message');
  await until('the ping behind it', () => page.pings > 0);
  // the relay has had the pong when it answers what comes after that
  page.emit('getUnreadCount', Number(user));
  await page.next('unreadCount');
  page.drop();

  await redis.start();
  const accepted = async () => (await internalApi(far).notify(early)).status === 200;
  await until('the message to be accepted', accepted, 15_000);
  const back = await openRawSocket(far, session);
  await back.next('registered');
  await internalApi(far).notify({ recipients: [user], message: { id: 'later' } });
  await back.next('receive_message');
  expect(idsOn(back)).toEqual(['later']);
});

test.each(['websocket', 'polling'])(
  'a relay told to stop does not wait for a browser that vanished (%s)',
  async (transport) => {
    const relay = await startRelay({ RELAY_DRAIN_SECONDS: 1 });
    const line = await startTcpProxy({ port: Number(new URL(relay.url).port) });
    await connectAs({ url: `http://127.0.0.1:${line.port}` }, clientToken(newUser()), { transports: [transport] });
    line.stall();
    expect(await relay.stop(8_000)).toMatchObject({ code: 0 });
  },
);
