import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { connectAs } from '../../support/client.js';
import { deploy, newId, newUser } from '../../support/deployment.js';
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
