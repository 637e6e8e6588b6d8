import { type Crowd, gather } from '../load/crowd.js';
import { type OpenPage, openPage } from '../load/page.js';
import { openPollingPage } from '../load/polling-page.js';
import { effortOf } from '../measure/effort.js';
import { quiet } from '../measure/quiet.js';
import type { Figures } from '../measure/statistics.js';
import { type Running, startServer } from '../servers.js';
import { BUSY, type Settings, type Workload } from './workload.js';

const PAGES = 5_000;
const QUICK_PAGES = 500;
const WAYS: readonly (readonly [string, OpenPage])[] = [
  ['WebSocket from the start', openPage],
  ['polling, then WebSocket', openPollingPage],
];

/** After a restart everyone comes back: so many connect and register, 64 at a time. */
export const connect: Workload = {
  title: 'Storm of connect + register',
  servers: ['relay', 'express-string', 'express-key', 'fastify'],
  columns: [
    { name: 'cpu', title: 'CPU a connect + register, µs', digits: 0, compared: true },
    { name: 'user', title: 'user', digits: 0 },
    { name: 'system', title: 'system', digits: 0 },
    { name: 'refusals', title: 'told to come later', digits: 0 },
    { name: 'rate', title: 'a second', digits: 0, largest: true },
    BUSY,
  ],
  async run(name, settings) {
    const figures = new Map<string, Figures>();
    for (const [variant, open] of WAYS) {
      const server = await startServer(name, { placement: settings.placement.server });
      figures.set(`${settings.quick ? QUICK_PAGES : PAGES} pages, ${variant}`, await storm(server, open, settings));
      await server.stop();
    }
    return figures;
  },
};

async function storm(server: Running, open: OpenPage, { quick, warmUp }: Settings): Promise<Figures> {
  const pages = quick ? QUICK_PAGES : PAGES;
  // the JIT compiler's share: others, who leave, and whose leaving is over before it begins
  for (let warm = 0; warm < warmUp; warm += pages) {
    (await gather({ server, users: pages, prefix: `other ${warm} `, open })).leave();
    await quiet(server.pids);
  }
  let crowd: Crowd | undefined;
  const { user, system, wall, busy } = await effortOf(server.pids, [], async () => {
    crowd = await gather({ server, users: pages, open });
  });
  const refusals = crowd?.refusals ?? 0;
  crowd?.leave();
  return {
    refusals,
    cpu: (user + system) / pages,
    user: user / pages,
    system: system / pages,
    rate: pages / wall,
    busy: busy * 100,
  };
}
