import { randomInt } from 'node:crypto';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { gatherWrites } from './gathering.js';

export type RedisClient = Redis | Cluster;

/** A command that is not answered within this is given up and its connection with it, milliseconds. */
const COMMAND_TIMEOUT = 1_500;

/** Milliseconds. What one replica accepts right after an outage, another must not be long without. */
const retryAfter = (attempt: number) => Math.min(50 * attempt, 300);

/**
 * Options of every connection. Nothing is queued while Redis is away, so that a notify is told 503 at once and stays
 * in PHP's outbox; nothing is sent again by the library, since who asked has been told that it failed.
 */
const COMMON = {
  connectTimeout: 2_000,
  commandTimeout: COMMAND_TIMEOUT,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryStrategy: retryAfter,
  reconnectOnError: (error: Error) => /^(READONLY|LOADING)/.test(error.message),
  lazyConnect: true,
} satisfies RedisOptions;

type Options = typeof COMMON & { autoResubscribe?: boolean };

/**
 * One connection as `RELAY_REDIS_URL` has it: `redis://`, `rediss://`, a comma list of these for a Cluster, or
 * `redis+sentinel://[:password@]host:port,host:port/master-name[/db]`.
 */
export function connect(url: string, role: 'commands' | 'subscriber'): RedisClient {
  // its own resubscribing leaves a rejection unhandled when the connection is lost again; store.ts does it
  const options = role === 'subscriber' ? { ...COMMON, autoResubscribe: false } : COMMON;
  const client = create(url, role, options);
  if (client instanceof Cluster) client.on('+node', gatherWrites);
  else gatherWrites(client);
  return client;
}

function create(url: string, role: 'commands' | 'subscriber', options: Options): RedisClient {
  if (url.startsWith('redis+sentinel://')) return new Redis({ ...options, ...sentinel(url) });
  const nodes = url.split(',').map((node) => node.trim());
  const first = nodes[0];
  if (nodes.length === 1 && first !== undefined) return new Redis(first, options);
  const { username, password, protocol } = new URL(first ?? url);
  const redisOptions = {
    ...options,
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
  if (role === 'subscriber') return oneOf(nodes.map(address), redisOptions);
  return new Cluster(nodes.map(address), {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryAfter,
    redisOptions,
  });
}

/**
 * What is published on one node of a Cluster is heard on each: a subscriber is connected to one, and to the next when that
 * is lost. The library's own way does that as well, but tells nobody that what was published meanwhile was missed.
 */
function oneOf(nodes: readonly { host: string; port: number }[], options: Options): Redis {
  let turn = randomInt(nodes.length);
  const client = new Redis({ ...options, ...nodes[turn] });
  client.on('close', () => {
    turn = (turn + 1) % nodes.length;
    Object.assign(client.options, nodes[turn]);
  });
  return client;
}

function address(node: string): { host: string; port: number } {
  const { hostname, port } = new URL(node);
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port || 6379) };
}

function sentinel(url: string) {
  const match = /^redis\+sentinel:\/\/(?:([^@]*)@)?([^/]+)\/([^/]+)(?:\/(\d+))?$/.exec(url);
  const [, credentials, hosts = '', name = '', db] = match ?? [];
  const [username, password] = (credentials ?? '').split(':').map(decodeURIComponent);
  return {
    name,
    sentinels: hosts.split(',').map((host) => address(`redis://${host}`)),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
    ...(db === undefined ? {} : { db: Number(db) }),
  };
}
