import { beforeAll, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { newId, newUser, storeOf } from '../../support/deployment.js';
import { internalApi } from '../../support/internal.js';
import { freePort } from '../../support/ports.js';
import { startReadmeNginx } from '../../support/proxies.js';
import { type Relay, type RelayEnv, startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

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

test("behind the README's nginx a replica that refuses newcomers keeps those who poll there", async () => {
  const { relays, url } = await twoBehindNginx({ RELAY_ACCEPT_RATE: 2 });
  const headers = { 'user-agent': 'one browser' };
  const user = newUser();
  const page = await connectAs({ url }, clientToken(user), { transports: ['polling'], extraHeaders: headers });
  const ends: string[] = [];
  page.socket.on('disconnect', (reason) => ends.push(reason));
  await Promise.all(Array.from({ length: 20 }, () => fetch(`${url}/socket.io/?EIO=4&transport=polling`, { headers })));
  const [own] = relays.filter(({ logs }) => logs.some((line) => line.msg === 'registered' && line.user === user));
  await own?.log('a refusal', ({ code }) => code === 'rate_limited');
  for (const content of ['one', 'two', 'three']) {
    await internalApi(relays[0] as Relay).notify({ recipients: [user], message: { id: newId(), content } });
    expect((await page.next('receive_message'))[0]).toMatchObject({ content });
  }
  expect(ends).toEqual([]);
});

test("behind the README's nginx the browsers of a stopping replica are at once on the other one, and stay", async () => {
  const { relays, url } = await twoBehindNginx({ RELAY_DRAIN_SECONDS: 4 });
  const pages = await Promise.all(
    Array.from({ length: BROWSERS }, (_, index) =>
      connectAs({ url }, clientToken(newUser()), { extraHeaders: { 'user-agent': `browser ${index}` } }),
    ),
  );
  const ends = pages.map(({ socket }) => {
    const reasons: string[] = [];
    socket.on('disconnect', (reason) => reasons.push(reason));
    return reasons;
  });
  await relays[0]?.stop(15_000);
  await until('all to be back', () => pages.every(({ socket }) => socket.connected));
  expect(ends.flat().length).toBeGreaterThan(0);
  expect(Math.max(...ends.map(({ length }) => length))).toBe(1);
});

async function twoBehindNginx(env: RelayEnv) {
  const ports = [await freePort(), await freePort()];
  const shared = { ...storeOf('two replicas over Redis'), RELAY_TRUSTED_PROXIES: '127.0.0.1', ...env };
  const relays = await Promise.all(ports.map((port) => startRelay({ ...shared, RELAY_PORT: port })));
  return { relays, url: `http://127.0.0.1:${(await startReadmeNginx({ relays: ports })).port}` };
}
