import { type Crowd, gather } from '../load/crowd.js';
import { deliver } from '../load/deliver.js';
import { type Figures, percentile } from '../measure/statistics.js';
import { type Running, startServer } from '../servers.js';
import { BUSY, type Settings, type Workload } from './workload.js';

const USERS = 1_000;
const TABS = 10;
const FRAMES = 200_000;
/** Notifies to everyone before the measured ones. */
const TO_ALL_WARM_UP = 20;

/** One message to everyone, one notify after the other. */
export const fanout: Workload = {
  title: 'Fan-out, memory store',
  servers: ['relay', 'express-string', 'express-key', 'fastify', 'ws'],
  columns: [
    { name: 'cpu', title: 'CPU a delivery, µs', digits: 2, compared: true },
    { name: 'user', title: 'user', digits: 2 },
    { name: 'system', title: 'system', digits: 2 },
    { name: 'p50', title: 'p50 of the last page, ms', digits: 1, compared: true },
    { name: 'p99', title: 'p99', digits: 1 },
    { name: 'rate', title: 'deliveries a second', digits: 0, largest: true },
    BUSY,
  ],
  async run(name, settings) {
    const figures = new Map<string, Figures>();
    for (const pagesEach of [1, TABS]) {
      const server = await startServer(name, { placement: settings.placement.server });
      const crowd = await gather({ server, users: USERS, pagesEach });
      figures.set(`${USERS} recipients, ${crowd.pages} sockets`, await toEveryone(server, crowd, settings));
      crowd.leave();
      await server.stop();
    }
    return figures;
  },
};

async function toEveryone(server: Running, crowd: Crowd, { warmUp, quick }: Settings): Promise<Figures> {
  const notifies = Math.ceil((quick ? FRAMES / 10 : FRAMES) / crowd.pages);
  await deliver({ server, crowd, notifies: warmUp, concurrency: 16 });
  await deliver({ server, crowd, notifies: TO_ALL_WARM_UP, concurrency: 1, toAll: true });
  const { user, system, wall, busy, latencies } = await deliver({
    server,
    crowd,
    notifies,
    concurrency: 1,
    toAll: true,
  });
  const deliveries = notifies * crowd.pages;
  return {
    cpu: (user + system) / deliveries,
    user: user / deliveries,
    system: system / deliveries,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    rate: deliveries / wall,
    busy: busy * 100,
  };
}
