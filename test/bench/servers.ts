import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tempDir } from '../support/temp.js';
import { SECRET } from './load/secret.js';
import { launch, type ServerProcess } from './server-process.js';

interface Server {
  /** How the tables name it. */
  readonly title: string;
  /** Relative to the root of the repository. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What a site in production sets, on free ports. A storm is to show what a connection costs, not what it may cost. */
const RELAY = {
  RELAY_SECRET: SECRET,
  RELAY_IDENTITY: 'token',
  RELAY_ALLOWED_ORIGINS: 'https://www.example.org',
  RELAY_PORT: '0',
  RELAY_INTERNAL_PORT: '0',
  RELAY_ACCEPT_RATE: '0',
};

const relay = (title: string, env: Readonly<Record<string, string>>): Server => ({
  title,
  command: ['dist/main.js', 'start'],
  env: { ...RELAY, ...env },
});

const peer = (title: string, file: string, env: Readonly<Record<string, string>> = {}): Server => ({
  title,
  command: [`test/bench/peers/${file}`],
  env: { SECRET, ...env },
});

/** The relay comes first: others are compared with it. No peer tells the sender's tabs of the message, so nor does it. */
export const SERVERS = {
  relay: relay('relay', { RELAY_SENDER_ECHO: 'none' }),
  'relay-echo': relay("relay, and the sender's inbox", {}),
  'express-string': peer('Express + socket.io, secret a string', 'express.mjs'),
  'express-key': peer('Express + socket.io, secret a KeyObject', 'express.mjs', { KEY: 'object' }),
  fastify: peer('Fastify + socket.io, secret a KeyObject', 'fastify.mjs'),
  'fastify-redis': peer('Fastify + redis-adapter', 'fastify.mjs', { ADAPTER: 'redis' }),
  'fastify-sharded': peer('Fastify + sharded redis-adapter', 'fastify.mjs', { ADAPTER: 'sharded' }),
  ws: peer('node:http + ws, token checked', 'ws.mjs'),
  'ws-bare': peer('node:http + ws, nothing checked', 'ws.mjs', { TOKENS: 'none' }),
} as const satisfies Readonly<Record<string, Server>>;

export type ServerName = keyof typeof SERVERS;
export const SERVER_NAMES = Object.keys(SERVERS) as ServerName[];

export interface Running {
  readonly pids: readonly number[];
  /** Of every replica: where pages connect. */
  readonly pagePorts: readonly number[];
  /** Of every replica: where PHP calls. */
  readonly callPorts: readonly number[];
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Goes before the command. */
  readonly placement: readonly string[];
  readonly replicas?: number;
  readonly redisUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts so many processes of it, production-like, each on ports of its own. */
export async function startServer(name: ServerName, options: StartOptions): Promise<Running> {
  const folder = await tempDir();
  const processes: ServerProcess[] = [];
  const addresses: Addresses[] = [];
  for (let replica = 0; replica < (options.replicas ?? 1); replica++) {
    const { process, said } = await startReplica(name, options, folder, replica);
    processes.push(process);
    addresses.push(said);
  }
  return {
    pids: processes.map(({ pid }) => pid),
    pagePorts: addresses.map((address) => portOf(address.public)),
    callPorts: addresses.map((address) => portOf(address.internal)),
    stop: async () => void (await Promise.all(processes.map((process) => process.stop()))),
  };
}

interface Addresses {
  readonly public: string;
  readonly internal: string;
}

function startReplica(name: ServerName, options: StartOptions, folder: string, replica: number) {
  const { command, env }: Server = SERVERS[name];
  const [script = '', ...args] = command;
  const redis =
    options.redisUrl === undefined ? {} : { REDIS_URL: options.redisUrl, RELAY_REDIS_URL: options.redisUrl };
  return launch(
    {
      command: [...options.placement, process.execPath, join(ROOT, script), ...args],
      // a folder without .env
      cwd: folder,
      env: { NODE_ENV: 'production', ...env, ...redis, ...options.env },
      log: join(folder, `${replica}.log`),
    },
    addressesIn,
  );
}

function addressesIn(line: string): Addresses | undefined {
  return line.startsWith('{') && line.includes('"public"') ? (JSON.parse(line) as Addresses) : undefined;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
