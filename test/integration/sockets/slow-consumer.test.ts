import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Client, connectAs } from '../../support/client.js';
import { deploy, newId, newUser } from '../../support/deployment.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { startTcpProxy } from '../../support/tcp-proxy.js';
import { onTeardown } from '../../support/teardown.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

test('a socket that reads nothing is closed once too much is queued for it, and holds up nobody', async () => {
  const { near, api } = await deploy('one replica in memory', { RELAY_MAX_BUFFERED: 65_536 });
  const user = newUser();
  const token = clientToken(user);
  const ws = new WebSocket(`${near.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  onTeardown(() => ws.terminate());
  await once(ws, 'open');
  ws.send(`40${JSON.stringify({ token })}`);
  const sockets = async () => {
    const { body } = await api.get(`/presence/${user}`);
    return (body as { sockets: unknown[] }).sockets.length;
  };
  await until('the slow socket to be registered', async () => (await sockets()) === 1);
  ws.pause();
  // by another token, so another browser: a sibling's socket that answers no ping is closed for that alone
  const reader = await connectAs(near, clientToken(user, { expiresIn: 900 }));
  const content = 'x'.repeat(60_000);

  await until('the slow socket to be closed', async () => {
    await api.notify({ recipients: [user], message: { id: newId(), content } });
    return (await sockets()) === 1;
  });
  const metrics = await (await fetch(`${near.internalUrl}/metrics`)).text();
  expect(/^relay_slow_consumers_total .*/m.exec(metrics)?.[0]).toBe('relay_slow_consumers_total 1');
  await api.notify({ recipients: [user], event: 'end', message: { id: newId() } });
  await reader.next('end');
});

describe('a replay of more than may be queued at once', () => {
  const LIMIT = 16_384;

  /** A page over a line that is cut, while which it misses so much. */
  async function missMuch() {
    const { near, api } = await deploy('one replica in memory', { RELAY_MAX_BUFFERED: LIMIT });
    const user = newUser();
    const line = await startTcpProxy({ port: Number(new URL(near.url).port) });
    const page = await connectAs({ url: `http://127.0.0.1:${line.port}` }, clientToken(user), {
      transports: ['websocket'],
    });
    line.refuse();
    await until('the page to be gone', async () => {
      const { body } = await api.get(`/presence/${user}`);
      return (body as { sockets: unknown[] }).sockets.length === 0;
    });
    const missed = Array.from({ length: 60 }, newId);
    const content = 'x'.repeat(1_000);
    for (const id of missed) await api.notify({ recipients: [user], message: { id, content } });
    return { near, api, user, line, page, missed };
  }
  const idsOf = (page: Client) => page.all('receive_message').map(([message]) => (message as { id: string }).id);

  test('comes whole to a page that is back, and what is live behind it', async () => {
    const { api, user, line, page, missed } = await missMuch();
    line.resume();
    expect(await page.next('registered')).toMatchObject([{ recovered: true, replayed: missed.length }]);
    await until('the replay', () => idsOf(page).length >= missed.length);
    await api.notify({ recipients: [user], message: { id: 'live' } });
    await until('the live message', () => idsOf(page).includes('live'));
    expect(idsOf(page)).toEqual([...missed, 'live']);
  });

  test('comes whole to one that names its cursor when it is registered already', async () => {
    const { near, api, user, page: before, missed } = await missMuch();
    // by another token, so another browser
    const token = clientToken(user, { expiresIn: 900 });
    const page = await connectAs(near, token, { transports: ['websocket'] });
    const { cursor } = before.registered as { cursor: string };
    expect(await page.ask('register_user', { user_id: user, cursor })).toMatchObject({ replayed: missed.length });
    await until('the replay', () => idsOf(page).length >= missed.length);
    await api.notify({ recipients: [user], message: { id: 'live' } });
    await until('the live message', () => idsOf(page).includes('live'));
    expect(idsOf(page)).toEqual([...missed, 'live']);
  });
});

describe('answers of the backend that are not read', () => {
  const BODY = 'y'.repeat(1_000_000);
  const ASKED = 60;
  const askOf = (number: number) => `42["get_messages",{"conversation_id":${number}}]`;

  async function start(): Promise<Relay> {
    const backend = await startFakeBackend(() => ({ emit: [{ event: 'messages_loaded', data: BODY }], ack: null }));
    return startRelay({ RELAY_BACKEND_URL: backend.url });
  }

  const closed = (relay: Relay) =>
    relay.log('the close', ({ msg }) => msg === 'closed: a slow consumer, too much is queued for it');

  test('are bounded over WebSocket', async () => {
    const relay = await start();
    const ws = new WebSocket(`${relay.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    onTeardown(() => ws.terminate());
    await once(ws, 'open');
    ws.send(`40${JSON.stringify({ token: clientToken(newUser()) })}`);
    await relay.log('the registration', ({ msg }) => msg === 'registered');
    ws.pause();
    for (let number = 0; number < ASKED; number += 1) ws.send(askOf(number));
    await closed(relay);
  });

  test('are bounded over polling', async () => {
    const relay = await start();
    const base = `${relay.url}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1)) as { sid: string };
    const post = (body: string) => fetch(`${base}&sid=${sid}`, { method: 'POST', body });
    await post(`40${JSON.stringify({ token: clientToken(newUser()) })}`);
    await relay.log('the registration', ({ msg }) => msg === 'registered');
    await post(Array.from({ length: ASKED }, (_, number) => askOf(number)).join('\x1e'));
    await closed(relay);
  });

  test('are bounded over polling also where each is left on a connection of its own', async () => {
    const emit = Array.from({ length: 20 }, () => ({ event: 'messages_loaded', data: BODY }));
    const backend = await startFakeBackend(() => ({ emit, ack: null }));
    const relay = await startRelay({ RELAY_BACKEND_URL: backend.url, RELAY_MAX_BUFFERED: 30_000_000 });
    const path = '/socket.io/?EIO=4&transport=polling';
    const { sid } = JSON.parse((await (await fetch(relay.url + path)).text()).slice(1)) as { sid: string };
    const session = `${path}&sid=${sid}`;
    const post = (body: string) => fetch(relay.url + session, { method: 'POST', body });
    await post(`40${JSON.stringify({ token: clientToken(newUser()) })}`);
    await relay.log('the registration', ({ msg }) => msg === 'registered');
    while (!(await (await fetch(relay.url + session)).text()).includes('registered'));

    /** Reads one answer of the twenty: by then the others, 19 MB, are queued. */
    async function ask() {
      const poll = fetch(relay.url + session);
      await post(askOf(1));
      expect(await (await poll).text()).toContain('messages_loaded');
    }
    await ask();
    const { hostname, port } = new URL(relay.url);
    const unread = connectTcp(Number(port), hostname);
    onTeardown(() => unread.destroy());
    unread.on('error', () => undefined);
    unread.write(`GET ${session} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    // of 19 MB a few are taken
    await once(unread, 'readable');
    await ask();
    const { reason } = await relay.log('the end of the session', ({ msg }) => msg === 'disconnected');
    expect(reason).toBe('slow_consumer');
    await until('the answer to be dropped', () => {
      // between requests it says nothing
      if (!unread.destroyed) unread.write('\r\n');
      return unread.destroyed;
    });
  });

  test.each(['polling', 'websocket'])('do not make a slow one of a page that reads them (%s)', async (transport) => {
    const backend = await startFakeBackend(() => ({ emit: [{ event: 'messages_loaded', data: BODY }], ack: null }));
    const relay = await startRelay({ RELAY_BACKEND_URL: backend.url, RELAY_MAX_BUFFERED: 65_536 });
    const page = await connectAs(relay, clientToken(newUser()), { transports: [transport] });
    for (let number = 0; number < 5; number += 1) {
      page.emit('get_messages', { conversation_id: number });
      expect(await page.next('messages_loaded')).toEqual([BODY]);
    }
    expect(page.all('registered')).toHaveLength(1);
  });
});
