import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Running } from '../servers.js';
import { percentile } from './statistics.js';

/** How long a server's event loop kept others waiting, ms. */
export interface LoopDelay {
  /** 99th percentile of the turns of a timer of 10 ms, as Node's own monitor has it: 10 is none. */
  readonly p99: number;
  /**
   * What 99 of 100 wait less than, of those who come at any moment. A tick that takes long is one of many turns, and hardly
   * seen among them; whoever comes meanwhile waits.
   */
  readonly wait: number;
  /** The longest tick, which a percentile over seconds does not show. */
  readonly longest: number;
}

type Watched = Pick<Running, 'loops'>;

/** What `work` gave, and the delay while it lasted; of several replicas the largest. Only servers that are watched. */
export async function delayWhile<T>(server: Watched, work: () => Promise<T>) {
  await turnsOf(server);
  const result = await work();
  const delays = (await turnsOf(server)).map(delayOf);
  const largest = (which: keyof LoopDelay) => Math.max(...delays.map((delay) => delay[which]));
  const delay: LoopDelay = { p99: largest('p99'), wait: largest('wait'), longest: largest('longest') };
  return { result, delay };
}

/** Of each replica, since somebody last asked. */
async function turnsOf({ loops }: Watched): Promise<Float64Array[]> {
  return Promise.all(
    loops.map(async (path) => Float64Array.from(JSON.parse(await text(connect(path))) as readonly number[])),
  );
}

/** How often the timer is to fire, ms (loop-probe.mjs). */
const EVERY = 10;
const SHARE = 0.99;

/** @param turns ms between one turn of the timer and the next */
export function delayOf(turns: Float64Array): LoopDelay {
  return { p99: percentile(turns, SHARE), wait: waitOf(turns), longest: Math.max(...turns) };
}

/** Who comes in a turn that takes `EVERY` and `late` waits up to `late`, any time as likely as any other. */
function waitOf(turns: Float64Array): number {
  const late = turns.map((turn) => Math.max(0, turn - EVERY)).sort();
  // so much of the whole time that whoever comes then waits longer than what is asked for
  const share = (1 - SHARE) * turns.reduce((sum, turn) => sum + turn, 0);
  let longer = 0;
  for (let index = late.length - 1; index >= 0; index--) {
    const count = late.length - index;
    const next = late[index - 1] ?? 0;
    const within = count * ((late[index] ?? 0) - next);
    if (longer + within >= share) return (late[index] ?? 0) - (share - longer) / count;
    longer += within;
  }
  return 0;
}
