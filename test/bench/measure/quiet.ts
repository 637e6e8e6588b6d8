import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOf } from './process.js';

/** Milliseconds that are looked at, and how much of them may be used by a server that has nothing to do, µs. */
const SPAN = 250;
const IDLE = 20_000;

/** Resolves when these processes are done with what they were given. */
export async function quiet(pids: readonly number[]): Promise<void> {
  for (let used = Number.POSITIVE_INFINITY; used > IDLE; ) {
    const before = cpuOf(pids);
    await sleep(SPAN);
    const after = cpuOf(pids);
    used = after.user + after.system - before.user - before.system;
  }
}
