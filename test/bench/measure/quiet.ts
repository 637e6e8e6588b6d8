import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOf } from './process.js';

/** Milliseconds that are looked at, and how much of them may be used by a server that has nothing to do, µs. */
const SPAN = 250;
const IDLE = 20_000;
/** Milliseconds: what thousands who leave make of work is done in a few seconds. */
const PATIENCE = 60_000;

/**
 * Resolves when these processes are done with what they were given.
 * @throws Error when they still work after `patience` milliseconds
 */
export async function quiet(pids: readonly number[], patience = PATIENCE): Promise<void> {
  const deadline = performance.now() + patience;
  for (;;) {
    const before = cpuOf(pids);
    await sleep(SPAN);
    const after = cpuOf(pids);
    const used = after.user + after.system - before.user - before.system;
    if (used <= IDLE) return;
    if (performance.now() < deadline) continue;
    const ms = Math.round(used / 1000);
    throw new Error(
      `process ${pids.join(', ')} is not quiet after ${patience} ms: ${ms} ms of processor time in ${SPAN} ms`,
    );
  }
}
