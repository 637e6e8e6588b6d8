import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { cursorOf } from '../../relay/store/cursor.js';
import { connect } from '../../relay/store/redis/connect.js';
import { createKeys } from '../../relay/store/redis/keys.js';
import { createLeases } from '../../relay/store/redis/leases.js';
import { sharedRedis, startRedis } from '../support/redis.js';
import { startRedisLine } from '../support/redis-line.js';
import { deliveryTo, openRedisStore, openTwoOverRedis, socketOf } from '../support/stores.js';
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

test('the numbering of an inbox outlives its messages, however long they are kept', async () => {
  const { url, prefix } = sharedRedis();
  const keys = createKeys(prefix);
  const admin = new Redis(url);
  onTeardown(() => admin.disconnect());
  const store = await openRedisStore(url, prefix, { inboxTtl: 365 * 86_400 });
  await store.inbox.append([deliveryTo('17', '1')]);
  const messages = await admin.ttl(keys.user('17', 'messages'));
  expect(await admin.ttl(keys.user('17', 'inbox'))).toBeGreaterThan(messages);
  await store.presence.join('17', socketOf(store, 'tab'), { limit });
  expect(await admin.ttl(keys.user('17', 'inbox'))).toBeGreaterThan(messages);
  await store.inbox.read('42', 0, 10);
  expect(await admin.ttl(keys.user('42', 'inbox'))).toBeGreaterThan(messages);
});

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

test('a Redis that comes back empty is a new epoch, and every socket joins again', async () => {
  const redis = await startRedis();
  const store = await openRedisStore(redis.url, 'relay:');
  const [before] = await store.inbox.append([deliveryTo('17', '1')]);
  const admin = new Redis(redis.url);
  onTeardown(() => admin.disconnect());
  await admin.flushall();
  await until('the sockets to be told to join again', () => store.restored() > 0, 10_000);
  const [after] = await store.inbox.append([deliveryTo('17', '1')]);
  expect(after).toMatchObject({ duplicate: false, seq: 1 });
  expect(after?.epoch).not.toBe(before?.epoch);
});

test('an inbox that is behind what a replica has seen of it begins a new epoch with what came after that', async () => {
  const [a, b] = await openTwoOverRedis();
  const [appended] = await a.inbox.append([deliveryTo('17', '1')]);
  const at = appended === undefined ? 0 : ((await a.inbox.read('17', 0, 1)).entries[0]?.at ?? 0);
  const level = { epoch: appended?.epoch ?? '', seq: 1, at };
  expect(await b.presence.join('17', socketOf(b, 'level'), { limit, seen: level })).toMatchObject(level);
  const seen = { ...level, seq: 3, at: at + 1 };
  const ahead = await b.presence.join('17', socketOf(b, 'ahead'), { limit, seen });
  expect(ahead).toMatchObject({ seq: 0, at: 0 });
  expect(ahead.epoch).not.toBe(level.epoch);
  expect(await a.inbox.read('17', 0, 10)).toMatchObject({ epoch: ahead.epoch, entries: [] });
});

test.each([
  ['no message', 3],
  ['another message', 2],
])(
  'an inbox that has %s in the place that a replica has seen has lost some, and keeps what came since',
  async (_, seq) => {
    const [a, b] = await openTwoOverRedis();
    const delivery = (id: string, at: number) => {
      const plain = deliveryTo('17', id);
      return { ...plain, message: { ...plain.message, at } };
    };
    const now = Date.now();
    const [first] = await a.inbox.append([delivery('1', now)]);
    await a.inbox.append([delivery('since', now + 20)]);
    const seen = { epoch: first?.epoch ?? '', seq, at: now + 10 };
    const joined = await b.presence.join('17', socketOf(b, 'tab'), { limit, seen });
    expect(joined).toMatchObject({ seq: 1, floor: 0, at: now + 20 });
    expect(joined.epoch).not.toBe(seen.epoch);
    expect((await a.inbox.read('17', 0, 10)).entries).toMatchObject([{ seq: 1, id: 'since' }]);
  },
);

test('a subscriber that hears nothing is noticed by its probes and heals', async () => {
  const { url, prefix } = sharedRedis();
  const line = await startRedisLine(portOf(url));
  const deaf = await openRedisStore(line.url, prefix);
  const other = await openRedisStore(url, prefix);
  await deaf.presence.join('17', socketOf(deaf, 'tab'), { limit });
  line.deafen();
  await until('the probes to be missed', () => !deaf.routes.health().up, 10_000);
  await until('probes to come back', () => deaf.routes.health().up, 10_000);
  expect(deaf.restored()).toBe(1);
  await other.inbox.append([deliveryTo('17', 'after')]);
  await until('the next message', () => deaf.messages.some(({ message }) => message.id === 'after'));
});

test('sockets join again only when what is published is heard again', async () => {
  const { url, prefix } = sharedRedis();
  const line = await startRedisLine(portOf(url));
  const store = await openRedisStore(line.url, prefix);
  const other = await openRedisStore(url, prefix);
  await store.presence.join('17', socketOf(store, 'tab'), { limit });
  line.delaySubscribers(400);
  line.cut();
  await until('the sockets to be told to join again', () => store.restored() > 0, 10_000);
  await other.inbox.append([deliveryTo('17', 'at once')]);
  await until('what was published right then', () => store.messages.length > 0, 3_000);
});

test('a Redis that goes again while it comes back ends nothing and heals in the end', async () => {
  const { url, prefix } = sharedRedis();
  const line = await startRedisLine(portOf(url));
  const store = await openRedisStore(line.url, prefix);
  line.delaySubscribers(100);
  for (let times = 0; times < 5; times += 1) {
    line.cut();
    await new Promise((resolve) => setTimeout(resolve, 130));
  }
  await until('the store to answer', () => store.inbox.append([deliveryTo('17', '1')]), 10_000);
  await until('probes to come back', () => store.routes.health().up, 10_000);
});

test('after a long outage the first probe does not cut the new connections off', async () => {
  const { url, prefix } = sharedRedis();
  const line = await startRedisLine(portOf(url));
  const store = await openRedisStore(line.url, prefix);
  line.refuse(true);
  await until('the store to count as away', () => !store.routes.health().up, 10_000);
  line.refuse(false);
  await until('the sockets to be told to join again', () => store.restored() > 0, 10_000);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  expect(store.restored()).toBe(1);
});
