import { setTimeout as sleep } from 'node:timers/promises';
import { type Crowd, gather } from '../load/crowd.js';
import { deliver } from '../load/deliver.js';
import type { Effort } from '../measure/effort.js';
import { delayWhile } from '../measure/event-loop.js';
import { cpuOf, openFiles, residentOf } from '../measure/process.js';
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
/** From one heartbeat of a page to its next, ms: the relay's, and Socket.IO's own, which peers have. */
const HEARTBEAT = 15_000;
const USUAL_HEARTBEAT = 25_000;
/** Until those who left are announced offline, ms (CONTRACT section 5), and a little more. */
const OFFLINE = 6_000;
const MIB = 1024 * 1024;

/** What a notify costs as users and inboxes grow, and whether anything keeps the server's event loop for long. */
export const growth: Workload = {
  title: `1:1 notify as the work grows, memory store, c${CONCURRENCY}`,
  servers: ['relay'],
  columns: [
    ...COST,
    { name: 'heartbeats', title: 'heartbeats meanwhile, left out of it', digits: 1 },
    { name: 'connecting', title: 'event-loop delay p99 while all connect, ms (10 is none)', digits: 1 },
    { name: 'notifying', title: 'while notified', digits: 1 },
    { name: 'reconnecting', title: 'while all are cut off and come back', digits: 1 },
    { name: 'leaving', title: 'while all go for good', digits: 1 },
    { name: 'wait', title: 'what 1 of 100 that come meanwhile waits for, at the worst of these times, ms', digits: 1 },
    { name: 'longest', title: 'longest tick, ms', digits: 0 },
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
  const server = await startServer(name, { placement: placement.server, env, watched: true });
  const { result: crowd, delay: connecting } = await delayWhile(server, () => gather({ server, users }));
  // as many as fill the inboxes of a few, everywhere: one that is warmer than another cannot be compared with it
  await deliver({ server, crowd, notifies: warmUp + FEW * INBOX_LIMIT, concurrency: CONCURRENCY });
  const { result: delivery, delay: notifying } = await delayWhile(server, () =>
    deliver({ server, crowd, notifies, concurrency: CONCURRENCY }),
  );
  const resident = residentOf(server.pids[0] ?? 0);
  const beats = await heartbeatsOf(server, delivery, name.startsWith('relay') ? HEARTBEAT : USUAL_HEARTBEAT);
  const { result: again, delay: reconnecting } = await delayWhile(server, () => comeBack(server, crowd));
  const { delay: leaving } = await delayWhile(server, () => goForGood(again));
  await server.stop();
  const all = [connecting, notifying, reconnecting, leaving];
  const figures = figuresOf(delivery);
  return {
    ...figures,
    cpu: figures.cpu - beats / notifies,
    heartbeats: beats / notifies,
    users,
    resident: resident / MIB,
    connecting: connecting.p99,
    notifying: notifying.p99,
    reconnecting: reconnecting.p99,
    leaving: leaving.p99,
    wait: Math.max(...all.map(({ wait }) => wait)),
    longest: Math.max(...all.map(({ longest }) => longest)),
  };
}

/**
 * What the heartbeats took of some work, µs: the pages that had theirs during it have their next as much later. Among
 * many users they are a tenth of what is measured, and no cost of a notify.
 */
async function heartbeatsOf({ pids }: Running, { began, lasted }: Effort, every: number): Promise<number> {
  await sleep(began + every - performance.now());
  const before = cpuOf(pids);
  await sleep(lasted);
  const after = cpuOf(pids);
  return after.user + after.system - before.user - before.system;
}

/** Everyone loses the line at once and is back a little later. */
async function comeBack(server: Running, crowd: Crowd): Promise<Crowd> {
  crowd.leave();
  return gather({ server, users: crowd.users });
}

/** Everyone loses the line at once, and what is done when users are offline is waited for. */
async function goForGood(crowd: Crowd): Promise<void> {
  crowd.leave();
  await sleep(OFFLINE);
}
