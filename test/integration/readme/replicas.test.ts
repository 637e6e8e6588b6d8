import { beforeAll, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { newId, newUser, storeOf } from '../../support/deployment.js';
import { internalApi } from '../../support/internal.js';
import { freePort } from '../../support/ports.js';
import { startReadmeNginx } from '../../support/proxies.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';

const BROWSERS = 12;
let relays: readonly Relay[];
let url: string;

beforeAll(async () => {
  const ports = [await freePort(), await freePort(), await freePort()];
  const env = { ...storeOf('two replicas over Redis'), RELAY_TRUSTED_PROXIES: '127.0.0.1' };
  relays = await Promise.all(ports.map((port) => startRelay({ ...env, RELAY_PORT: port })));
  url = `http://127.0.0.1:${(await startReadmeNginx({ relays: ports })).port}`;
});

test("the README's nginx spreads browsers over replicas and leads all polls of one to the same", async () => {
  const users = Array.from({ length: BROWSERS }, newUser);
  const pages = await Promise.all(
    users.map((user, index) =>
      connectAs({ url }, clientToken(user), {
        transports: ['polling'],
        extraHeaders: { 'user-agent': `browser ${index}` },
      }),
    ),
  );
  const ends: string[] = [];
  for (const { socket } of pages) socket.on('disconnect', (reason) => ends.push(reason));
  const [first] = relays.map((relay) => internalApi(relay));
  for (const content of ['one', 'two', 'three']) {
    await first?.notify({ recipients: users, message: { id: newId(), conversation_id: 1, content } });
    for (const page of pages) expect((await page.next('receive_message'))[0]).toMatchObject({ content });
  }
  expect(ends).toEqual([]);
  const serving = relays.filter(({ logs }) => logs.some(({ msg }) => msg === 'connected'));
  expect(serving.length).toBeGreaterThan(1);
});
