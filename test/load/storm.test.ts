import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { connectAs } from '../support/client.js';
import { internalApi } from '../support/internal.js';
import { startChild } from '../support/process.js';
import { type Relay, startRelay } from '../support/relay.js';
import { onTeardown } from '../support/teardown.js';
import { clientToken } from '../support/tokens.js';
import { percentile, readGauges, show } from './figures.js';

/** `npm run storm -- --clients 5000` is the full form. */
const CLIENTS = Number(process.env.STORM_CLIENTS ?? 500);
/** Milliseconds between two notifies. */
const PACE = 20;
/** The calls of the backend that may be open at once (CONTRACT section 7). */
const IN_FLIGHT = 64;
/**
 * Milliseconds that 99 of 100 notifies may take. PHP waits 350 ms and then leaves a message to the outbox: what goes
 * beyond is the first second, in which the kernel hands over thousands of connections. Generator, PHP and relay share
 * the machine here.
 */
const PATIENCE = CLIENTS > 1_000 ? 1_500 : 700;

function program(name: string, env: Record<string, string>) {
  const path = fileURLToPath(new URL(name, import.meta.url));
  const child = startChild(process.execPath, [path], { env });
  onTeardown(() => child.kill());
  return child;
}

/** Notifies somebody who is connected, again and again, as PHP would. Gives how long each took, milliseconds. */
async function notifyWhile(relay: Relay, over: () => boolean): Promise<{ answered: number[]; written: number[] }> {
  const api = internalApi(relay);
  const page = await connectAs(relay, clientToken('reader'), { transports: ['websocket'] });
  const [answered, written, sent] = [[], [], new Map()] as [number[], number[], Map<string, number>];
  page.socket.on('receive_message', ({ id }: { id: string }) => {
    written.push(performance.now() - (sent.get(id) ?? Number.NaN));
  });
  const calls: Promise<void>[] = [];
  while (!over()) {
    const id = `${calls.length}-${performance.now()}`;
    const begun = performance.now();
    sent.set(id, begun);
    const call = api.notify({ recipients: ['reader'], message: { id } }).then(({ status }) => {
      expect(status).toBe(200);
      answered.push(performance.now() - begun);
    });
    calls.push(call);
    await delay(PACE);
  }
  await Promise.all(calls);
  await expect.poll(() => written.length).toBe(answered.length);
  page.close();
  return { answered, written };
}

test(`${CLIENTS} browsers that come back at once neither starve a notify nor stampede PHP`, async () => {
  const backend = program('backend-server.mjs', {});
  const backendUrl = `http://127.0.0.1:${(await backend.line(/^port \d+$/)).slice(5)}/`;
  const relay = await startRelay({
    RELAY_IDENTITY: 'session,token',
    RELAY_BACKEND_URL: backendUrl,
    RELAY_LOG_LEVEL: 'info',
  });
  const crowd = program('crowd.mjs', { RELAY_URL: relay.url, CLIENTS: String(CLIENTS) });
  await crowd.line(/^ready$/);

  const calm = performance.now() + 2_000;
  const before = await notifyWhile(relay, () => performance.now() > calm);
  await readGauges(relay);
  const begun = performance.now();
  crowd.signal('SIGUSR2');
  let over = false;
  const arrived = crowd
    .line(/^\{/, 120_000)
    .then((line) => ({ ...(JSON.parse(line) as { attempts: number; refused: number }), at: performance.now() }))
    .finally(() => {
      over = true;
    });
  const during = await notifyWhile(relay, () => over);
  const { attempts, refused, at } = await arrived;
  const gauges = await readGauges(relay);
  const php = (await (await fetch(backendUrl)).json()) as Record<'cookies' | 'mostForOne' | 'mostAtOnce', number>;
  const loopDelay = gauges.of('nodejs_eventloop_lag_p99_seconds') * 1_000;

  show(`storm of ${CLIENTS}`, {
    'everybody registered after, s': (at - begun) / 1_000,
    'attempts, of these told to come later': `${attempts}, ${refused}`,
    'notify p50 / p99 / max in calm, ms': spread(before.answered),
    'notify p50 / p99 / max in the storm, ms': spread(during.answered),
    'to the page p50 / p99 / max in the storm, ms': spread(during.written),
    'event-loop delay p99 in the storm, ms': loopDelay,
    'identify calls, most for one cookie': `${php.cookies}, ${php.mostForOne}`,
    'most calls of PHP at once': php.mostAtOnce,
    'resident memory afterwards, MB': gauges.of('process_resident_memory_bytes') / 2 ** 20,
  });

  expect(php).toEqual({ cookies: CLIENTS, mostForOne: 1, mostAtOnce: expect.any(Number) });
  expect(php.mostAtOnce).toBeLessThanOrEqual(IN_FLIGHT);
  expect(gauges.of('relay_registered_users')).toBe(CLIENTS);
  expect(gauges.of('relay_backend_failures_total')).toBe(0);
  expect(during.answered.length).toBeGreaterThan(20);
  expect(percentile(during.answered, 0.99)).toBeLessThan(PATIENCE);
  expect(percentile(during.written, 0.99)).toBeLessThan(PATIENCE);
}, 180_000);

function spread(values: readonly number[]): string {
  return [0.5, 0.99, 1].map((share) => percentile(values, share).toFixed(1)).join(' / ');
}
