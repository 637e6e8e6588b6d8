import { Cluster, type Redis } from 'ioredis';
import type { Persistence } from '../figures.js';
import type { RedisClient } from './connect.js';

/** What Redis says of its persistence, of a Cluster what its weakest node says; `null` when it can't be asked. */
export async function readPersistence(client: RedisClient): Promise<Persistence | null> {
  const nodes: readonly Redis[] = client instanceof Cluster ? client.nodes('master') : [client];
  const read = await Promise.allSettled(nodes.map(ofNode));
  const known = read.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return known.sort((one, other) => strength(one) - strength(other))[0] ?? null;
}

async function ofNode(node: Redis): Promise<Persistence> {
  const fields = fieldsOf(`${await node.info('persistence')}\n${await node.info('memory')}`);
  // not allowed everywhere, and only the finer points are missing without it
  const settings = ['appendfsync', 'save', 'stop-writes-on-bgsave-error'];
  const [fsync, save, stops] = await Promise.all(settings.map((name) => setting(node, name)));
  return {
    aof_enabled: fields.get('aof_enabled') === '1',
    aof_fsync: fsync ?? null,
    aof_ok: fields.get('aof_last_write_status') !== 'err',
    aof_rewrite_ok: fields.get('aof_last_bgrewrite_status') !== 'err',
    rdb_enabled: save === undefined ? null : save !== '',
    rdb_ok: fields.get('rdb_last_bgsave_status') !== 'err',
    rdb_stops_writes: stops === undefined ? null : stops === 'yes',
    maxmemory_policy: fields.get('maxmemory') === '0' ? 'noeviction' : (fields.get('maxmemory_policy') ?? null),
  };
}

async function setting(node: Redis, name: string): Promise<string | undefined> {
  const [answer] = await Promise.allSettled([node.config('GET', name)]);
  const reply: unknown = answer.status === 'fulfilled' ? answer.value : undefined;
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : undefined;
}

function strength(node: Persistence): number {
  const { aof_enabled: aof, aof_ok: aofOk, rdb_enabled: rdb, rdb_ok: rdbOk, rdb_stops_writes: stops } = node;
  if ((aof && !aofOk) || (rdb !== false && !rdbOk && stops !== false)) return -1;
  return (aof && node.aof_rewrite_ok ? 2 : 0) + (rdb !== false && rdbOk ? 1 : 0);
}

/** The `name:value` lines of INFO. */
function fieldsOf(info: string): ReadonlyMap<string, string> {
  const pairs = info.split(/\r?\n/).flatMap((line) => {
    const [, name, value] = /^(\w+):(.*)$/.exec(line) ?? [];
    return name === undefined || value === undefined ? [] : [[name, value] as const];
  });
  return new Map(pairs);
}
