import { setTimeout as sleep } from 'node:timers/promises';
import { gather } from '../load/crowd.js';
import { cpuOf, residentOf } from '../measure/process.js';
import type { Figures } from '../measure/statistics.js';
import { startServer } from '../servers.js';
import type { Workload } from './workload.js';

const PAGES = 10_000;
const QUICK_PAGES = 1_000;
/**
 * Whole heartbeats of all, s: five of the relay's and three of Socket.IO's own, however long the pages took to connect.
 * V8 has given back what connecting took by then, for which it waits until it had little to do for half a minute.
 */
const QUIET = 75;
const QUICK_QUIET = 5;
const MIB = 1024 * 1024;

/** Pages that are open and to which nothing happens. */
export const idle: Workload = {
  title: 'Registered pages without a message',
  servers: ['relay', 'express-key', 'fastify', 'ws'],
  columns: [
    { name: 'each', title: 'memory of each, KiB', digits: 1, compared: true },
    { name: 'before', title: 'of the server without them, MiB', digits: 1 },
    { name: 'cpu', title: 'CPU a second, ms', digits: 2, compared: true },
  ],
  async run(name, { placement, quick }) {
    const pages = quick ? QUICK_PAGES : PAGES;
    const seconds = quick ? QUICK_QUIET : QUIET;
    const server = await startServer(name, { placement: placement.server });
    const [pid = 0] = server.pids;
    const before = await leastResident(pid, 2);
    // as many warm it up as are measured
    const crowd = await gather({ server, users: pages });
    // connecting leaves work behind: timers, the collector
    await sleep(2_000);
    const began = cpuOf([pid]);
    const start = performance.now();
    const resident = await Promise.race([leastResident(pid, seconds), crowd.lost]);
    const ended = cpuOf([pid]);
    const passed = (performance.now() - start) / 1_000;
    crowd.leave();
    await server.stop();
    const used = ended.user + ended.system - began.user - began.system;
    const figures: Figures = {
      each: (resident - before) / pages / 1024,
      before: before / MIB,
      cpu: used / 1_000 / passed,
    };
    return new Map([[`${pages} pages`, figures]]);
  },
};

/** The smallest resident memory within so many seconds, bytes: the collector has been there by then, if ever. */
async function leastResident(pid: number, seconds: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let second = 0; second < seconds; second++) {
    await sleep(1_000);
    least = Math.min(least, residentOf(pid));
  }
  return least;
}
