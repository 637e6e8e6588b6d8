import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { deploy, newId, newUser } from '../../support/deployment.js';
import { onTeardown } from '../../support/teardown.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

test('a Socket.IO v2 browser is served where RELAY_ALLOW_EIO3 allows it', async () => {
  const { near, api } = await deploy('one replica in memory', { RELAY_ALLOW_EIO3: 'true' });
  const user = newUser();
  const ws = new WebSocket(`${near.url.replace('http', 'ws')}/socket.io/?EIO=3&transport=websocket`);
  onTeardown(() => ws.terminate());
  const packets: string[] = [];
  ws.on('message', (data) => packets.push(String(data)));
  await once(ws, 'open');
  await until('the connect of v2, which needs no request', () => packets.includes('40'));
  ws.send(`42["register_user",{"token":"${clientToken(user)}"}]`);
  await until('registered', () => packets.some((packet) => packet.startsWith('42["registered",{"ok":true')));
  const message = { id: newId(), content: 'hi' };
  await api.notify({ recipients: [user], message });
  await until('the message', () => packets.includes(`42${JSON.stringify(['receive_message', message])}`));
  expect(packets.filter((packet) => packet.startsWith('42'))).toHaveLength(2);
});
