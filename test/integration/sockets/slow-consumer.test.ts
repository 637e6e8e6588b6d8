import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { connectAs } from '../../support/client.js';
import { deploy, newId, newUser } from '../../support/deployment.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import { type Relay, startRelay } from '../../support/relay.js';
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
