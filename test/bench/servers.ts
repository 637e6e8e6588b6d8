import { join } from 'node:path';
import { tempDir } from '../support/temp.js';
import { type Dialect, usual } from './load/dialect.js';
import { nchan } from './load/nchan.js';
import { SECRET } from './load/secret.js';
import { nchanIsHere, startNchan } from './peers/nchan.js';
import { nodeServer } from './peers/node.js';
import type { Replica, StartReplica } from './replica.js';

interface Server {
  /** How the tables name it. */
  readonly title: string;
  readonly dialect: Dialect;
  readonly start: StartReplica;
  /** Of what this repository does not bring along: whether the machine has it. */
  readonly isHere?: () => boolean;
}

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
  dialect: usual,
  start: nodeServer(['dist/main.js', 'start'], { ...RELAY, ...env }),
});

const peer = (title: string, file: string, env: Readonly<Record<string, string>> = {}): Server => ({
  title,
  dialect: usual,
  start: nodeServer([`test/bench/peers/${file}`], { SECRET, ...env }),
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
  nchan: { title: 'nginx + nchan, nothing checked', dialect: nchan, start: startNchan, isHere: nchanIsHere },
} as const satisfies Readonly<Record<string, Server>>;

export type ServerName = keyof typeof SERVERS;
export const SERVER_NAMES = Object.keys(SERVERS) as ServerName[];

/** Whether it can be started on this machine. */
export function isHere(name: ServerName): boolean {
  const { isHere: look }: Server = SERVERS[name];
  return look === undefined || look();
}

export interface Running {
  readonly dialect: Dialect;
  readonly pids: readonly number[];
  /** Of every replica: where pages connect. */
  readonly pagePorts: readonly number[];
  /** Of every replica: where PHP calls. */
  readonly callPorts: readonly number[];
  /** Of every replica that is watched: where it tells how late its event loop was. */
  readonly loops: readonly string[];
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Goes before the command. */
  readonly placement: readonly string[];
  readonly replicas?: number;
  readonly redisUrl?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether it is noted how late the event loop is, of programs for Node. */
  readonly watched?: boolean;
}

const PROBE = new URL('measure/loop-probe.mjs', import.meta.url).href;

/** Starts so many processes of it, each on ports of its own. */
export async function startServer(name: ServerName, options: StartOptions): Promise<Running> {
  const { dialect, start }: Server = SERVERS[name];
  const { placement, replicas = 1, redisUrl, watched = false } = options;
  const folder = await tempDir();
  const started: Replica[] = [];
  const loops: string[] = [];
  for (let number = 0; number < replicas; number++) {
    const loop = join(folder, `${number}.loop`);
    const env = watched ? { NODE_OPTIONS: `--import=${PROBE}`, LOOP_PROBE: loop, ...options.env } : (options.env ?? {});
    started.push(await start({ folder, number, placement, redisUrl, env }));
    if (watched) loops.push(loop);
  }
  return {
    dialect,
    pids: started.map(({ process }) => process.pid),
    pagePorts: started.map(({ pagePort }) => pagePort),
    callPorts: started.map(({ callPort }) => callPort),
    loops,
    stop: async () => void (await Promise.all(started.map(({ process }) => process.stop()))),
  };
}
