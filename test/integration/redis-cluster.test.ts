import { expect, test, vi } from 'vitest';
import { createKeys } from '../../relay/store/redis/keys.js';
import { connectAs } from '../support/client.js';
import { newUser } from '../support/deployment.js';
import { internalApi } from '../support/internal.js';
import { type ClusterNode, type RedisCluster, startRedisCluster } from '../support/redis-cluster.js';
import { startRelay } from '../support/relay.js';
import { deliveryTo, openRedisStore, socketOf } from '../support/stores.js';
import { clientToken } from '../support/tokens.js';
import { until } from '../support/until.js';

vi.setConfig({ testTimeout: 60_000 });

const prefix = 'relay:';

/** A user whose inbox lies on the first master. */
async function userOn({ first }: RedisCluster): Promise<string> {
  for (;;) {
    const user = newUser();
    const slot = Number(await first.admin.call('CLUSTER', 'KEYSLOT', createKeys(prefix).user(user, 'inbox')));
    if (slot < 8_192) return user;
  }
}

test.each([
  ['dead', async ({ first, takeOver }: RedisCluster) => first.kill9().then(takeOver)],
  ['still there', async ({ takeOver }: RedisCluster) => takeOver()],
])(
  'what a promoted replica that lacks the last messages is given under their numbers is shown (the master is %s)',
  async (_, promote) => {
    const cluster = await startRedisCluster();
    const env = { RELAY_REDIS_URL: cluster.url };
    const [near, far] = await Promise.all([startRelay(env), startRelay(env)]);
    const user = await userOn(cluster);
    const page = await connectAs(near, clientToken(user));
    const shown = () => page.all('receive_message').map(([message]) => (message as { id: string }).id);
    const notify = async (id: string) =>
      (await internalApi(far).notify({ recipients: [user], message: { id } })).status === 200;

    await until('the first to be accepted', () => notify('kept'));
    await until('the first to be shown', () => shown().includes('kept'));
    await cluster.holdReplication();
    const lost = ['lost', 'lost too'];
    for (const id of lost) expect(await notify(id)).toBe(true);
    await until('the last to be shown', () => shown().includes('lost too'));
    await promote(cluster);
    // more than were lost: the numbers that were seen are passed before the other node is noticed
    const next = ['1', '2', '3', '4', '5'].map((number) => `next ${number}`);
    for (const id of next) await until(`"${id}" to be accepted`, () => notify(id), 20_000);
    await until('what came since to be shown', () => shown().includes('next 5'), 15_000);
    expect(shown()).toEqual(['kept', ...lost, ...next]);
  },
);

test('sockets join again when another node has taken a master’s place, also if no connection was lost', async () => {
  const cluster = await startRedisCluster();
  const store = await openRedisStore(cluster.url, prefix);
  await cluster.takeOver();
  await until('the sockets to be told to join again', () => store.restored() > 0, 15_000);
  await store.inbox.append([deliveryTo(await userOn(cluster), '1')]);
});

test('sockets join again when a master is back, not before', async () => {
  const cluster = await startRedisCluster();
  const store = await openRedisStore(cluster.url, prefix);
  const delivery = deliveryTo(await userOn(cluster), '1');
  await cluster.first.kill9();
  await expect(store.inbox.append([delivery])).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(store.restored()).toBe(0);
  await cluster.first.start();
  await until('the sockets to be told to join again', () => store.restored() > 0, 15_000);
  await store.inbox.append([delivery]);
});

test('sockets join again when only the subscriber’s connection is lost; it listens to another node when its own is', async () => {
  const cluster = await startRedisCluster();
  const nodes = [cluster.first, cluster.second, cluster.replica];
  const store = await openRedisStore(cluster.url, prefix);
  const other = await openRedisStore(cluster.url, prefix);
  const user = await userOn(cluster);
  const channel = createKeys(prefix).channel + store.replica;
  const listenedOf = async (some: readonly ClusterNode[]) => {
    const counts = await Promise.all(some.map(async ({ admin }) => (await admin.pubsub('NUMSUB', channel))[1]));
    return some[counts.indexOf(1)];
  };
  const rejoin = async (times: number) => {
    await until('the sockets to be told to join again', () => store.restored() >= times, 15_000);
    await store.presence.join(user, socketOf(store, 'tab'), { limit: 0 });
  };

  for (const { admin } of nodes) await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  await rejoin(1);
  const listened = await until('a node to be listened to', () => listenedOf(nodes));
  await listened.kill9();
  await until('another to be listened to', () => listenedOf(nodes.filter((node) => node !== listened)));
  await listened.start();
  await rejoin(2);
  await other.inbox.append([deliveryTo(user, 'after')]);
  await until('the next message', () => store.messages.some(({ message }) => message.id === 'after'));
});
