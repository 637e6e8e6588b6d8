import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/ports.js';
import { type Child, startChild } from '../support/process.js';
import { type Relay, type RelayEnv, startRelay } from '../support/relay.js';
import { onTeardown } from '../support/teardown.js';
import { until } from '../support/until.js';
import type { Experiment } from './options.js';

/** One process of several, which comes back on the same ports. */
export interface Replica {
  readonly port: number;
  readonly internalUrl: string;
  /** Resolves when it is ready. */
  start(): Promise<void>;
  /** SIGTERM: within the drain time it is to be gone by itself. */
  stop(): Promise<void>;
  kill9(): Promise<void>;
  /** What it printed, of every start. */
  output(): string[];
}

export interface Surroundings {
  /** `undefined`: the store is in memory. */
  readonly redisUrl: string | undefined;
  readonly backendUrl: string;
}

export async function createReplica(experiment: Experiment, surroundings: Surroundings): Promise<Replica> {
  const ports = { public: await freePort(), internal: await freePort() };
  const program = experiment.server === 'relay' ? relay(experiment, surroundings, ports) : stock(surroundings, ports);
  return { port: ports.public, internalUrl: `http://127.0.0.1:${ports.internal}`, ...program };
}

interface Ports {
  readonly public: number;
  readonly internal: number;
}

type Program = Pick<Replica, 'start' | 'stop' | 'kill9' | 'output'>;

function relay(
  { identity, drainSeconds, through }: Experiment,
  { redisUrl, backendUrl }: Surroundings,
  ports: Ports,
): Program {
  const env: RelayEnv = {
    RELAY_PORT: ports.public,
    RELAY_INTERNAL_PORT: ports.internal,
    RELAY_IDENTITY: identity,
    RELAY_BACKEND_URL: backendUrl,
    RELAY_DRAIN_SECONDS: drainSeconds,
    RELAY_REDIS_URL: redisUrl,
    RELAY_TRUSTED_PROXIES: through === 'nginx' ? '127.0.0.1' : undefined,
    RELAY_LOG_LEVEL: 'info',
  };
  const started: Relay[] = [];
  return {
    async start() {
      started.push(await startRelay(env));
    },
    async stop() {
      await started.at(-1)?.stop(drainSeconds * 1_000 + 10_000);
    },
    async kill9() {
      await started.at(-1)?.kill9();
    },
    output: () => started.flatMap(({ logs, text }) => [...logs.map((line) => JSON.stringify(line)), ...text]),
  };
}

function stock({ redisUrl }: Surroundings, ports: Ports): Program {
  const env = { PORT: String(ports.public), INTERNAL_PORT: String(ports.internal), REDIS_URL: redisUrl };
  const program = fileURLToPath(new URL('stock-server.mjs', import.meta.url));
  const started: Child[] = [];
  return {
    async start() {
      const child = startChild(process.execPath, [program], { env });
      started.push(child);
      onTeardown(() => child.kill());
      await until('the stock server', async () => (await fetch(`http://127.0.0.1:${ports.internal}`)).ok);
    },
    async stop() {
      const child = started.at(-1);
      child?.signal('SIGTERM');
      // Its close waits for connections that nobody ends; what supervises it then kills it, as Docker does after 10 s.
      await Promise.race([child?.exited, delay(5_000, undefined, { ref: false })]);
      await child?.kill();
    },
    async kill9() {
      await started.at(-1)?.kill();
    },
    output: () => started.flatMap((child) => child.output),
  };
}
