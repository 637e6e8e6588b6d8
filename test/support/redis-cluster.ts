import { Redis as Client } from 'ioredis';
import { freePort } from './ports.js';
import { type Redis, startRedis } from './redis.js';
import { onTeardown } from './teardown.js';
import { until } from './until.js';

/** Two masters, each with half of the slots, and a replica of the first. */
export interface RedisCluster {
  /** As `RELAY_REDIS_URL` has it. */
  readonly url: string;
  readonly first: ClusterNode;
  readonly second: ClusterNode;
  readonly replica: ClusterNode;
  /** What the first master is told from now on, its replica does not have. */
  holdReplication(): Promise<void>;
  /** The replica takes the place of the first master, whether that lives or not. */
  takeOver(): Promise<void>;
}

export interface ClusterNode extends Redis {
  readonly admin: Client;
}

const SLOTS = 16_384;

export async function startRedisCluster(): Promise<RedisCluster> {
  const [first, second, replica] = [await startNode(), await startNode(), await startNode()];
  const nodes = [first, second, replica];
  await first.admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', String(SLOTS / 2 - 1));
  await second.admin.call('CLUSTER', 'ADDSLOTSRANGE', String(SLOTS / 2), String(SLOTS - 1));
  for (const node of [second, replica]) {
    await first.admin.call('CLUSTER', 'MEET', '127.0.0.1', String(node.port), String(node.busPort));
  }
  const id = String(await first.admin.call('CLUSTER', 'MYID'));
  await until('the replica to know its master', () => replica.admin.call('CLUSTER', 'REPLICATE', id));
  await until('the replica to follow', async () => (await replica.admin.info()).includes('master_link_status:up'));
  for (const node of nodes) {
    await until('all to know of each other', async () => {
      const known = String(await node.admin.call('CLUSTER', 'NODES'));
      return known.includes(`${replica.port}@`) && known.includes('slave') && (await stateOf(node)) === 'ok';
    });
  }

  return {
    url: nodes.map(({ url }) => url).join(','),
    first,
    second,
    replica,
    async holdReplication() {
      // the master has no password, and refuses who comes with one
      await replica.admin.config('SET', 'masterauth', 'wrong');
      await first.admin.call('CLIENT', 'KILL', 'TYPE', 'replica');
      await until('the replica to be cut off', async () =>
        (await replica.admin.info()).includes('master_link_status:down'),
      );
    },
    async takeOver() {
      await replica.admin.call('CLUSTER', 'FAILOVER', 'TAKEOVER');
    },
  };
}

async function startNode(): Promise<ClusterNode & { busPort: number }> {
  const busPort = await freePort();
  const args = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort), '--cluster-node-timeout', '2000'];
  const redis = await startRedis({ args });
  const admin = new Client(redis.url, { retryStrategy: () => 100 });
  admin.on('error', () => undefined);
  onTeardown(() => admin.disconnect());
  return { ...redis, admin, busPort };
}

async function stateOf({ admin }: ClusterNode): Promise<string | undefined> {
  return /cluster_state:(\w+)/.exec(String(await admin.call('CLUSTER', 'INFO')))?.[1];
}
