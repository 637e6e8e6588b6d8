import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { cursorOf } from '../../relay/store/cursor.js';
import { connect } from '../../relay/store/redis/connect.js';
import { createKeys } from '../../relay/store/redis/keys.js';
import { BEAT, createLeases, LEASE } from '../../relay/store/redis/leases.js';
import { sharedRedis, startRedis } from '../support/redis.js';
import { startRedisLine } from '../support/redis-line.js';
import { openRedisStore, socketOf } from '../support/stores.js';
import { onTeardown } from '../support/teardown.js';
import { until } from '../support/until.js';

vi.setConfig({ testTimeout: 60_000 });

const limit = 0;
const portOf = (url: string) => Number(new URL(url).port);

/** All at once, thousands would have to be done within the time that one command has. */
async function someAtATime(users: readonly string[], task: (user: string) => Promise<unknown>): Promise<void> {
  for (let index = 0; index < users.length; index += 200) await Promise.all(users.slice(index, index + 200).map(task));
}

test('who noticed a dead replica sweeps it: its sockets’ cursors are found, and watchers of all are told within 15 s', async () => {
  const { url, prefix } = sharedRedis();
  const line = await startRedisLine(portOf(url));
  const dying = await openRedisStore(line.url, prefix);
  const living = await openRedisStore(url, prefix);
  const { epoch } = await dying.presence.join('17', socketOf(dying, 'tab', ['s:one']), { limit });
  await dying.presence.confirm([{ user: '17', socketId: 'tab', cursor: cursorOf({ epoch, seq: 4 }) }]);
  const others = Array.from({ length: 3_000 }, (_, index) => `of the many ${index}`);
  await someAtATime(others, (user) => dying.presence.join(user, socketOf(dying, `tab of ${user}`), { limit }));
  const all = ['17', ...others];
  await someAtATime(all, (user) => living.presence.watch(user));
  const offline = () => new Set(living.comings.filter(({ online }) => !online).map(({ user }) => user));
  line.refuse(true);
  const died = Date.now();
  await until('all users to be announced offline', () => offline().size === all.length, 40_000);
  expect(Date.now() - died).toBeLessThan(15_000);
  expect(living.comings.filter(({ online }) => !online)).toHaveLength(all.length);
  expect((await living.routes.replicas()).map(({ id }) => id)).toEqual([living.replica]);
  await living.presence.join('17', socketOf(living, 'back', ['s:one']), { limit });
  const kept = await living.presence.reclaim('17', ['s:one'], 'back');
  expect(kept).toEqual({ cursor: cursorOf({ epoch, seq: 4 }), shown: [] });

  line.refuse(false);
  await until('the replica held for dead to have its sockets join again', () => dying.restored() > 0, 10_000);
});

test('who sweeps for long goes on renewing its own lease; closed meanwhile, it leaves the rest to another', async () => {
  const { url, prefix } = sharedRedis();
  const [line, slow] = [await startRedisLine(portOf(url)), await startRedisLine(portOf(url))];
  const dying = await openRedisStore(line.url, prefix);
  const sweeping = await openRedisStore(slow.url, prefix);
  const users = Array.from({ length: 1_600 }, (_, index) => `of the many ${index}`);
  await someAtATime(users, (user) => dying.presence.join(user, socketOf(dying, `tab of ${user}`), { limit }));
  await someAtATime(users, (user) => sweeping.presence.watch(user));
  slow.delayAll(400);
  line.refuse(true);
  await until('the first users to be swept', () => sweeping.comings.some(({ online }) => !online), 20_000);
  const next = await openRedisStore(url, prefix);
  sweeping.busyAs = { ...sweeping.busyAs, sockets: 17 };
  const renewed = await until('the next renewal of the lease', async () => {
    const replicas = await next.routes.replicas();
    return replicas.some(({ load }) => load?.sockets === 17) && replicas.map(({ id }) => id);
  });
  expect(renewed).toContain(dying.replica);

  await sweeping.close();
  expect((await next.routes.replicas()).map(({ id }) => id)).toContain(dying.replica);
  await until(
    'the rest to be swept',
    async () => {
      const replicas = await next.routes.replicas();
      return replicas.every(({ id }) => id !== dying.replica);
    },
    20_000,
  );
  expect((await next.presence.lookup(users)).filter(({ sockets }) => sockets > 0)).toEqual([]);
});

test('a replica that ends before it could tell who left, or whom it watches no more, is swept by another', async () => {
  const { url, prefix } = sharedRedis();
  const line = await startRedisLine(portOf(url));
  const living = await openRedisStore(url, prefix);
  const [held, watched] = [await openRedisStore(line.url, prefix), await openRedisStore(line.url, prefix)];
  await held.presence.join('17', socketOf(held, 'tab'), { limit });
  await watched.presence.watch('17');
  await living.presence.watch('17');
  line.refuse(true);
  await expect(held.presence.leave('17', 'tab')).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(watched.presence.unwatch('17')).rejects.toMatchObject({ code: 'store_unavailable' });
  line.refuse(false);
  await until('Redis to be back', () => held.restored() > 0 && watched.restored() > 0);
  await Promise.all([held.close(), watched.close()]);
  await until('the user to be announced offline', () => living.comings.at(-1)?.online === false, 20_000);
  expect(await living.presence.sockets('17')).toEqual([]);
  const admin = new Redis(url);
  onTeardown(() => admin.disconnect());
  const watchers = () => admin.hkeys(createKeys(prefix).user('17', 'watchers'));
  await until('the watch to be forgotten', async () => (await watchers()).length === 1);
  expect(await watchers()).toEqual([living.replica]);
});

/** The replica is held for dead, and swept by the test alone. */
async function sweepAlone({ url, prefix }: { url: string; prefix: string }, dead: string): Promise<void> {
  const client = connect(url, 'commands');
  onTeardown(() => client.disconnect());
  await client.connect();
  const keys = createKeys(prefix);
  await client.zrem(keys.replicas, dead);
  await createLeases({ client, keys, replica: 'another', inboxTtl: 3_600 }).sweep(dead, () => false);
}

test('a sweep cuts nobody’s reload short: who left a living replica just now is announced 5 s after that', async () => {
  const shared = sharedRedis();
  const line = await startRedisLine(portOf(shared.url));
  const dying = await openRedisStore(line.url, shared.prefix);
  const living = await openRedisStore(shared.url, shared.prefix);
  await dying.presence.join('17', socketOf(dying, 'a tab'), { limit });
  await living.presence.join('17', socketOf(living, 'another'), { limit });
  await living.presence.watch('17');
  line.refuse(true);
  const left = Date.now();
  await living.presence.leave('17', 'another');
  await sweepAlone(shared, dying.replica);
  const gone = await until('the user to be announced offline', () => living.comings.find(({ online }) => !online));
  expect(Date.now() - left).toBeGreaterThanOrEqual(5_000);
  expect(gone.lastSeen).toBeGreaterThanOrEqual(left);
});

test.each(['left', 'died with its replica'])(
  'whose inbox was evicted under a socket that %s is announced offline, and the inbox expires again',
  async (how) => {
    const shared = sharedRedis();
    const line = await startRedisLine(portOf(shared.url));
    const [a, b] = [await openRedisStore(line.url, shared.prefix), await openRedisStore(shared.url, shared.prefix)];
    await b.presence.watch('17');
    await a.presence.join('17', socketOf(a, 'tab'), { limit });
    const admin = new Redis(shared.url);
    onTeardown(() => admin.disconnect());
    const inbox = createKeys(shared.prefix).user('17', 'inbox');
    await admin.del(inbox);
    if (how === 'left') await a.presence.leave('17', 'tab');
    else {
      line.refuse(true);
      await sweepAlone(shared, a.replica);
    }
    expect(await admin.ttl(inbox)).toBeGreaterThan(30 * 86_400);
    const gone = await until('the user to be announced offline', () => b.comings.find(({ online }) => !online));
    expect(gone.lastSeen).toBeDefined();
  },
);

test('a replica that renews its lease again keeps its sockets from one that began to sweep it, and has them join', async () => {
  const { url, prefix } = sharedRedis();
  const slow = await openRedisStore(url, prefix);
  await slow.presence.join('17', socketOf(slow, 'tab'), { limit });
  const client = connect(url, 'commands');
  await client.connect();
  const leases = createLeases({ client, keys: createKeys(prefix), replica: 'another', inboxTtl: 3_600 });
  await leases.sweep(slow.replica, () => false);
  client.disconnect();
  expect(await slow.presence.sockets('17')).toHaveLength(1);
  await until('it to be told', () => slow.restored() > 0);
});

test('a Redis that took no writes for longer than a lease lasts makes nobody look dead', async () => {
  const { url } = await startRedis();
  const stores = [await openRedisStore(url, 'full:'), await openRedisStore(url, 'full:')] as const;
  const admin = new Redis(url);
  onTeardown(() => admin.disconnect());
  for (const store of stores) await store.presence.join(store.replica, socketOf(store, 'tab'), { limit });
  const { replicas } = createKeys('full:');
  const renewed = async () =>
    (await Promise.all(stores.map(({ replica }) => admin.zscore(replicas, replica)))).map(Number);
  await admin.config('SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction');
  const last = await renewed();
  await until('both leases to look old', () => Date.now() - Math.min(...last) > LEASE + BEAT, 20_000);
  await admin.config('SET', 'maxmemory', '0');
  for (const beats of ['first', 'second']) {
    const before = await renewed();
    await until(`the ${beats} beat`, async () => (await renewed()).every((at, i) => at !== before[i]), 10_000);
  }
  for (const store of stores) expect(await store.presence.sockets(store.replica)).toHaveLength(1);
  expect(stores.map((store) => store.restored())).toEqual([0, 0]);
});
