import { gather } from '../load/crowd.js';
import { type Delivery, deliver } from '../load/deliver.js';
import { percentile } from '../measure/statistics.js';
import { startServer } from '../servers.js';
import { BUSY, type Column, type Workload } from './workload.js';

const USERS = 1_000;
const CONCURRENCIES = [1, 16, 64];
/** Of the warm-up. */
const USUAL = 16;

export const COST: readonly Column[] = [
  { name: 'cpu', title: 'CPU a notify, µs', digits: 1, compared: true },
  { name: 'user', title: 'user', digits: 1 },
  { name: 'system', title: 'system', digits: 1 },
];

/** One message to one user who has one page open, again and again. */
export const notify: Workload = {
  title: `1:1 notify to ${USERS} users, memory store`,
  servers: ['relay', 'relay-echo', 'express-string', 'express-key', 'fastify', 'ws', 'ws-bare', 'nchan'],
  columns: [
    ...COST,
    { name: 'p50', title: 'p50, ms', digits: 2, compared: true },
    { name: 'p99', title: 'p99', digits: 2, compared: true },
    { name: 'p999', title: 'p999', digits: 2 },
    { name: 'rate', title: 'a second', digits: 0, largest: true },
    { name: 'served', title: 'server busy, %', digits: 0, largest: true },
    BUSY,
  ],
  async run(name, { placement, notifies, warmUp }) {
    const server = await startServer(name, { placement: placement.server });
    const crowd = await gather({ server, users: USERS });
    const figures = new Map<string, ReturnType<typeof figuresOf>>();
    await deliver({ server, crowd, notifies: warmUp, concurrency: USUAL });
    for (const concurrency of CONCURRENCIES) {
      figures.set(`c${concurrency}`, figuresOf(await deliver({ server, crowd, notifies, concurrency })));
    }
    crowd.leave();
    await server.stop();
    return figures;
  },
};

export function figuresOf({ user, system, wall, busy, served, latencies }: Delivery) {
  const { length } = latencies;
  return {
    cpu: (user + system) / length,
    user: user / length,
    system: system / length,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    p999: percentile(latencies, 0.999),
    rate: length / wall,
    busy: busy * 100,
    served: served * 100,
  };
}
