import type { Running } from '../servers.js';

/** The relay's event-loop delay since this was last asked, 99th percentile, ms. The larger of its replicas. */
export async function eventLoopDelay({ callPorts }: Running): Promise<number> {
  return Math.max(...(await Promise.all(callPorts.map(delayOf))));
}

async function delayOf(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  const seconds = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(await response.text())?.[1];
  if (seconds === undefined) throw new Error('only the relay tells its event-loop delay');
  return Number(seconds) * 1_000;
}
