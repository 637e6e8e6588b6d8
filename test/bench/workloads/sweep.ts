import { setTimeout as sleep } from 'node:timers/promises';
import { gather } from '../load/crowd.js';
import { callToken } from '../load/secret.js';
import { delayWhile } from '../measure/event-loop.js';
import type { Figures } from '../measure/statistics.js';
import { startRedis } from '../redis.js';
import { type Running, type ServerName, startServer } from '../servers.js';
import type { Settings, Workload } from './workload.js';

const USERS = [1_000, 10_000];
/** Within 15 s of a replica's death its users are offline (CONTRACT section 5), and that is told. */
const NOTICED = 16_000;
/** Of whom the survivor is asked, spread over all. */
const ASKED = 100;

/** Two replicas over Redis; the one that all pages are connected to dies, then they come back to the other. */
export const sweep: Workload = {
  title: 'Death of a replica, over Redis: what the other goes through',
  servers: ['relay'],
  columns: [
    { name: 'sweeping', title: 'event-loop delay p99 while it is noticed and swept, ms (10 is none)', digits: 1 },
    { name: 'sweepingLongest', title: 'longest tick', digits: 0 },
    { name: 'returning', title: 'p99 while all come back', digits: 1 },
    { name: 'returningLongest', title: 'longest tick', digits: 0 },
    { name: 'rate', title: 'back a second', digits: 0, largest: true },
  ],
  async run(name, settings) {
    const figures = new Map<string, Figures>();
    for (const users of settings.quick ? USERS.slice(0, 1) : USERS) {
      figures.set(`${users} users`, await outlive(name, users, settings));
    }
    return figures;
  },
};

async function outlive(name: ServerName, users: number, { placement }: Settings): Promise<Figures> {
  const redis = await startRedis(placement.helper);
  const both = await startServer(name, {
    placement: placement.server,
    replicas: 2,
    redisUrl: redis.url,
    watched: true,
  });
  const [dying, survivor] = [only(both, 0), only(both, 1)];
  const crowd = await gather({ server: dying, users });
  const { delay: sweeping } = await delayWhile(survivor, async () => {
    process.kill(dying.pids[0] ?? 0, 'SIGKILL');
    await sleep(NOTICED);
  });
  crowd.leave();
  await allOffline(survivor, users);
  const began = performance.now();
  const { result: again, delay: returning } = await delayWhile(survivor, () => gather({ server: survivor, users }));
  const wall = (performance.now() - began) / 1_000;
  again.leave();
  await both.stop();
  await redis.stop();
  return {
    sweeping: sweeping.p99,
    sweepingLongest: sweeping.longest,
    returning: returning.p99,
    returningLongest: returning.longest,
    rate: users / wall,
  };
}

function only(server: Running, replica: number): Running {
  const one = <T>(list: readonly T[]) => list.slice(replica, replica + 1);
  return {
    ...server,
    pids: one(server.pids),
    pagePorts: one(server.pagePorts),
    callPorts: one(server.callPorts),
    loops: one(server.loops),
  };
}

/** @throws Error when the survivor holds any of those asked for to be there still */
async function allOffline({ callPorts: [port] }: Running, users: number): Promise<void> {
  const asked = Array.from({ length: ASKED }, (_, index) => Math.floor((index * users) / ASKED));
  const response = await fetch(`http://127.0.0.1:${port}/presence?users=${asked.join(',')}`, {
    headers: { Authorization: `Bearer ${callToken('')}` },
  });
  const { users: found } = (await response.json()) as { users: Record<string, { online: boolean }> };
  const online = Object.values(found).filter((user) => user.online).length;
  if (online > 0) throw new Error(`${online} of ${ASKED} users of a dead replica are online still`);
}
