import { Redis } from 'ioredis';
import { expect, test, vi } from 'vitest';
import { createKeys } from '../../relay/store/redis/keys.js';
import { sharedRedis, startRedis } from '../support/redis.js';
import { startRedisLine } from '../support/redis-line.js';
import { deliveryTo, openRedisStore, openTwoOverRedis, socketOf } from '../support/stores.js';
import { onTeardown } from '../support/teardown.js';
import { until } from '../support/until.js';

vi.setConfig({ testTimeout: 60_000 });

const limit = 0;
const portOf = (url: string) => Number(new URL(url).port);

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
