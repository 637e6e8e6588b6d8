import { gather } from '../load/crowd.js';
import { deliver } from '../load/deliver.js';
import type { Figures } from '../measure/statistics.js';
import { type RedisServer, startRedis } from '../redis.js';
import { type ServerName, startServer } from '../servers.js';
import { COST, figuresOf } from './notify.js';
import { BUSY, type Settings, type Workload } from './workload.js';

const USERS = 1_000;
const REPLICAS = [1, 2, 4];
const CONCURRENCY = 16;

/** PHP calls all replicas in turn, pages are spread over all: a message's recipient is mostly on another replica. */
export const replicas: Workload = {
  title: `1:1 notify to ${USERS} users over Redis, c${CONCURRENCY}, processor time of all replicas and of Redis`,
  servers: ['relay', 'fastify-redis', 'fastify-sharded'],
  columns: [
    ...COST,
    { name: 'redis', title: 'of it Redis', digits: 1 },
    { name: 'scripts', title: 'script calls a notify', digits: 2 },
    { name: 'publishes', title: 'publishes', digits: 2 },
    { name: 'needless', title: 'of them needless', digits: 2 },
    { name: 'commands', title: 'all commands', digits: 2 },
    { name: 'p50', title: 'p50, ms', digits: 2 },
    { name: 'p99', title: 'p99', digits: 2 },
    { name: 'rate', title: 'a second', digits: 0, largest: true },
    { ...BUSY, title: 'generator and Redis busy, %' },
  ],
  async run(name, settings) {
    const figures = new Map<string, Figures>();
    for (const count of REPLICAS) {
      const redis = await startRedis(settings.placement.helper);
      figures.set(`${count} ${count === 1 ? 'replica' : 'replicas'}`, await overRedis(name, count, redis, settings));
      await redis.stop();
    }
    return figures;
  },
};

async function overRedis(name: ServerName, count: number, redis: RedisServer, settings: Settings): Promise<Figures> {
  const { placement, warmUp, notifies } = settings;
  const server = await startServer(name, { placement: placement.server, replicas: count, redisUrl: redis.url });
  const crowd = await gather({ server, users: USERS });
  // every one of them is to be warm
  await deliver({ server, crowd, notifies: warmUp * count, concurrency: CONCURRENCY });
  await redis.resetCommands();
  const delivery = await deliver({ server, crowd, notifies, concurrency: CONCURRENCY, helpers: [redis.pid] });
  const commands = await redis.commands();
  crowd.leave();
  await server.stop();
  const made = commandsOf(commands, notifies);
  return {
    ...figuresOf(delivery),
    ...made,
    // a message needs to go to another replica only where its recipient's page is
    needless: made.publishes - delivery.elsewhere / notifies,
    redis: delivery.also / notifies,
  };
}

/** Commands a notify; those of the measurement itself are left out. */
export function commandsOf(
  calls: ReadonlyMap<string, number>,
  notifies: number,
): { readonly [name in 'scripts' | 'publishes' | 'commands']: number } {
  const of = (...names: string[]) => names.reduce((sum, name) => sum + (calls.get(name) ?? 0), 0) / notifies;
  const measuring = of('info', 'config|resetstat');
  return {
    scripts: of('eval', 'evalsha', 'fcall'),
    publishes: of('publish', 'spublish'),
    commands: [...calls.values()].reduce((sum, count) => sum + count, 0) / notifies - measuring,
  };
}
