import { setTimeout as sleep } from 'node:timers/promises';
import { type Crowd, gather } from '../load/crowd.js';
import { deliver } from '../load/deliver.js';
import { delayWhile } from '../measure/event-loop.js';
import { openFiles, residentOf } from '../measure/process.js';
import type { Figures } from '../measure/statistics.js';
import { type Running, type ServerName, startServer } from '../servers.js';
import { COST, figuresOf } from './notify.js';
import { BUSY, type Settings, type Workload } from './workload.js';

const CONCURRENCY = 16;
/** RELAY_INBOX_LIMIT's default, and one that no inbox here reaches: so full ones can be told from others. */
const INBOX_LIMIT = 200;
const NO_LIMIT = 100_000;
const FEW = 100;
const USERS = [FEW, 1_000, 10_000, 20_000];
/** File descriptors that are not pages: the callers, the store, what Node itself opens. */
const SPARE = 300;
const MIB = 1024 * 1024;

/** What a notify costs as users and inboxes grow, and whether anything keeps the server's event loop for long. */
export const growth: Workload = {
  title: `1:1 notify as the work grows, memory store, c${CONCURRENCY}`,
  servers: ['relay'],
  columns: [
    ...COST,
    { name: 'connecting', title: 'event-loop delay p99 while all connect, ms (10 is none)', digits: 1 },
    { name: 'notifying', title: 'while notified', digits: 1 },
    { name: 'reconnecting', title: 'while all leave and come back', digits: 1 },
    { name: 'longest', title: 'longest tick of these, ms', digits: 0 },
    { name: 'resident', title: 'memory, MiB', digits: 0 },
    BUSY,
  ],
  async run(name, settings) {
    const figures = new Map<string, Figures>();
    for (const wanted of settings.quick ? USERS.slice(0, 2) : USERS) {
      const users = Math.min(wanted, openFiles() - SPARE);
      figures.set(`${users} users`, await grow(name, users, NO_LIMIT, settings));
    }
    figures.set(`${FEW} users, inboxes full`, await grow(name, FEW, INBOX_LIMIT, settings));
    return figures;
  },
};

async function grow(name: ServerName, users: number, limit: number, settings: Settings): Promise<Figures> {
  const { placement, warmUp, notifies } = settings;
  const env = { RELAY_INBOX_LIMIT: String(limit) };
  const server = await startServer(name, { placement: placement.server, env });
  const { result: crowd, delay: connecting } = await delayWhile(server, () => gather({ server, users }));
  // as many as fill the inboxes of a few, everywhere: one that is warmer than another cannot be compared with it
  await deliver({ server, crowd, notifies: warmUp + FEW * INBOX_LIMIT, concurrency: CONCURRENCY });
  const { result: delivery, delay: notifying } = await delayWhile(server, () =>
    deliver({ server, crowd, notifies, concurrency: CONCURRENCY }),
  );
  const resident = residentOf(server.pids[0] ?? 0);
  const { delay: reconnecting } = await delayWhile(server, () => comeBack(server, crowd));
  await server.stop();
  return {
    ...figuresOf(delivery),
    users,
    resident: resident / MIB,
    connecting: connecting.p99,
    notifying: notifying.p99,
    reconnecting: reconnecting.p99,
    longest: Math.max(connecting.longest, notifying.longest, reconnecting.longest),
  };
}

/** Everyone loses the line at once and is back a little later; what is done when a user is offline is waited for. */
async function comeBack(server: Running, crowd: Crowd): Promise<void> {
  crowd.leave();
  const again = await gather({ server, users: crowd.users });
  await sleep(6_000);
  again.leave();
}
