import type { Running } from '../servers.js';

/** How long the relay's event loop kept others waiting, ms. Node looks every 10 ms, so 10 is none. */
export interface LoopDelay {
  /** 99th percentile. */
  readonly p99: number;
  /** The longest tick, which a percentile over seconds does not show. */
  readonly longest: number;
}

/** Of the time since this was last asked, the larger of the replicas'. */
export async function eventLoopDelay({ callPorts }: Pick<Running, 'callPorts'>): Promise<LoopDelay> {
  const all = await Promise.all(callPorts.map(delayOf));
  return {
    p99: Math.max(...all.map(({ p99 }) => p99)),
    longest: Math.max(...all.map(({ longest }) => longest)),
  };
}

/** What `work` gave, and the delay while it lasted. */
export async function delayWhile<T>(server: Pick<Running, 'callPorts'>, work: () => Promise<T>) {
  await eventLoopDelay(server);
  const result = await work();
  return { result, delay: await eventLoopDelay(server) };
}

async function delayOf(port: number): Promise<LoopDelay> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await response.text();
  return { p99: read(text, 'p99'), longest: read(text, 'max') };
}

function read(metrics: string, which: string): number {
  const seconds = new RegExp(`^nodejs_eventloop_lag_${which}_seconds (\\S+)$`, 'm').exec(metrics)?.[1];
  if (seconds === undefined) throw new Error('only the relay tells its event-loop delay');
  return Number(seconds) * 1_000;
}
