import { setTimeout as sleep } from 'node:timers/promises';
import { type Cpu, cpuOf } from './process.js';

/** What some work cost. Times of the servers in µs, `wall` in seconds. */
export interface Effort extends Cpu {
  readonly wall: number;
  /** How much of one processor the load generator itself used while it lasted. */
  readonly busy: number;
}

/** What a server puts off counts too: confirmations, timers of a batch, what is written afterwards. */
const AFTERMATH = 500;

export async function effortOf(pids: readonly number[], work: () => Promise<void>): Promise<Effort> {
  const before = cpuOf(pids);
  const ownBefore = process.cpuUsage();
  const began = performance.now();
  await work();
  const wall = (performance.now() - began) / 1000;
  const own = process.cpuUsage(ownBefore);
  await sleep(AFTERMATH);
  const after = cpuOf(pids);
  return {
    user: after.user - before.user,
    system: after.system - before.system,
    wall,
    busy: (own.user + own.system) / 1e6 / wall,
  };
}
