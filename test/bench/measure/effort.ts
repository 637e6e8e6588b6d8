import { setTimeout as sleep } from 'node:timers/promises';
import { type Cpu, cpuOf } from './process.js';

/** What some work cost. Times of the servers in µs, `wall` in seconds. */
export interface Effort extends Cpu {
  readonly wall: number;
  /** When it began, ms of `performance.now()`, and how long the servers' times were taken from then on, ms. */
  readonly began: number;
  readonly lasted: number;
  /** What the helpers took of the whole. */
  readonly also: number;
  /** How much of one processor the load generator and the helpers, which share it, used while it lasted. */
  readonly busy: number;
  /**
   * How much of one processor the servers used while it lasted: less than all of it under many callers means that
   * something else had their processor, and times and rates are not theirs.
   */
  readonly served: number;
}

/** What a server puts off counts too: confirmations, timers of a batch, what is written afterwards. */
const AFTERMATH = 500;

/** @param helpers processes that count as well, as Redis */
export async function effortOf(
  servers: readonly number[],
  helpers: readonly number[],
  work: () => Promise<void>,
): Promise<Effort> {
  const before = { all: cpuOf([...servers, ...helpers]), also: cpuOf(helpers) };
  const ownBefore = process.cpuUsage();
  const began = performance.now();
  await work();
  const wall = (performance.now() - began) / 1000;
  const own = process.cpuUsage(ownBefore);
  const helping = sum(cpuOf(helpers));
  const serving = sum(cpuOf(servers)) - sum(before.all) + sum(before.also);
  await sleep(AFTERMATH);
  const after = { all: cpuOf([...servers, ...helpers]), also: cpuOf(helpers) };
  return {
    user: after.all.user - before.all.user,
    system: after.all.system - before.all.system,
    also: sum(after.also) - sum(before.also),
    wall,
    began,
    lasted: performance.now() - began,
    served: serving / 1e6 / wall,
    busy: (own.user + own.system + helping - sum(before.also)) / 1e6 / wall,
  };
}

function sum({ user, system }: Cpu): number {
  return user + system;
}
