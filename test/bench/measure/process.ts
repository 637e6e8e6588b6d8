import { readFileSync } from 'node:fs';

/** Processor time, µs. */
export interface Cpu {
  readonly user: number;
  readonly system: number;
}

// Linux shows these times in ticks of 1/100 s on every architecture that Node runs on; the sum of the two is exact.
const TICK = 10_000;

/** What these processes have used since they began, all their threads. */
export function cpuOf(pids: readonly number[]): Cpu {
  let [user, system] = [0, 0];
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    user += Number(fields[11]) * TICK;
    system += Number(fields[12]) * TICK;
  }
  return { user, system };
}

/** Resident memory, bytes. */
export function residentOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(kilobytes) * 1024;
}

/** How many files one process may have open, and so about how many pages it can hold. */
export function openFiles(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]);
}
