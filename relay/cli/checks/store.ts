import { isPayload, type Payload } from '../../messages/legacy-fields.js';
import { type Finding, fail, ok, unchecked, warn } from '../finding.js';

const DURABLE = ['redis-cli CONFIG SET appendonly yes', 'redis-cli CONFIG REWRITE'];
const DISK = ['df -h', 'redis-cli INFO persistence', 'redis-cli CONFIG GET dir   # Redis must be able to write there'];
/** By the first word of what Redis answers in place of taking a write. */
const REFUSALS: Readonly<Record<string, readonly string[]>> = {
  OOM: ['redis-cli INFO memory   # full: give it more than maxmemory_human, or', 'redis-cli CONFIG SET maxmemory 0'],
  READONLY: ['redis-cli ROLE   # RELAY_REDIS_URL leads to a replica: name its master, or the Sentinels'],
  NOREPLICAS: [
    'redis-cli INFO replication   # too few replicas: start them, or',
    'redis-cli CONFIG SET min-replicas-to-write 0',
  ],
  NOPERM: [
    'redis-cli ACL LIST   # the user of RELAY_REDIS_URL may not: allow it the keys and channels of RELAY_REDIS_PREFIX',
  ],
};
const TRY = ['redis-cli -u "$RELAY_REDIS_URL" SET relay:doctor 1 EX 1'];
/** A probe should take a few milliseconds, seconds. */
const SLOW_PROBE = 0.5;

/** The way through Redis and back, and what of Redis outlives it; from `store` of `GET /stats`. */
export function checkStore(stats: Payload, production: boolean): readonly Finding[] {
  const store = isPayload(stats.store) ? stats.store : {};
  if (store.kind === 'memory') return [inMemory(production)];
  if (store.kind !== 'redis')
    return [unchecked('store', 'the relay is of a version that does not tell about its store')];
  const refused = /^Redis takes no writes: (.*)/s.exec(String(store.reason))?.[1];
  // probes come through all the same
  const probed = refused === undefined ? store : { ...store, up: true };
  return [loop(probed), persistence(isPayload(store.persistence) ? store.persistence : undefined, refused)];
}

function inMemory(production: boolean): Finding {
  const what = 'in memory: one replica only, and what waits for people who are away ends with the process';
  return production ? warn('store', what, 'RELAY_REDIS_URL=redis://127.0.0.1:6379') : ok('store', what);
}

function loop({ up, reason, probe_seconds: seconds }: Payload): Finding {
  const mend = ['redis-cli -u "$RELAY_REDIS_URL" ping', 'journalctl -u relay -n 50 | grep store'];
  if (up !== true) return fail('store', `Redis: probes do not come back, this replica is deaf: ${reason}`, ...mend);
  const ms = Math.round(Number(seconds) * 1000);
  if (Number(seconds) > SLOW_PROBE)
    return warn('store', `Redis answers, but a probe takes ${ms} ms`, 'redis-cli --latency');
  return ok('store', `Redis: a probe comes back in ${ms} ms`);
}

/** @param refused what Redis answers in place of taking a write */
function persistence(redis: Payload | undefined, refused: string | undefined): Finding {
  const stopped = redis && refusal(redis);
  if (refused !== undefined && stopped?.verdict !== 'FAIL') {
    return fail('persistence', `Redis refuses every write: ${refused}`, ...(stopped?.mend ?? mendOf(refused)));
  }
  if (redis === undefined) return unchecked('persistence', 'Redis did not tell the relay about its persistence');
  const { aof_enabled: aof, aof_fsync: fsync, rdb_enabled: rdb, maxmemory_policy: policy } = redis;
  if (stopped !== undefined) return stopped;
  if (aof === true && redis.aof_rewrite_ok === false) {
    const why =
      'Redis cannot rewrite its append-only file: it grows without end or, where that was the first time, is not there';
    return warn('persistence', why, ...DISK, 'redis-cli BGREWRITEAOF   # then: it is well as soon as one works');
  }
  if (policy !== 'noeviction' && policy !== null) {
    const why = `Redis throws data away when its memory is full (${policy}): waiting messages would be lost silently`;
    return warn('persistence', why, 'redis-cli CONFIG SET maxmemory-policy noeviction', 'redis-cli CONFIG REWRITE');
  }
  if (aof === true && fsync === 'no') {
    const why = 'the append-only file is written whenever the system likes: half a minute of messages is at stake';
    return warn('persistence', why, 'redis-cli CONFIG SET appendfsync everysec', 'redis-cli CONFIG REWRITE');
  }
  if (aof === true)
    return ok('persistence', `Redis keeps an append-only file${fsync === null ? '' : `, fsync ${fsync}`}`);
  if (rdb === true) {
    return warn('persistence', 'Redis takes snapshots only: a crash loses minutes of messages', ...DURABLE);
  }
  const why = 'Redis without persistence: what waits for people who are away is lost when it restarts';
  return warn('persistence', why, ...DURABLE);
}

function mendOf(refused: string): readonly string[] {
  return REFUSALS[refused.split(' ', 1)[0] ?? ''] ?? TRY;
}

/** Redis answers MISCONF to every write then, while what is published, and so a probe, comes through. */
function refusal(redis: Payload): Finding | undefined {
  const { aof_enabled: aof, aof_ok: aofOk, rdb_enabled: rdb, rdb_ok: rdbOk, rdb_stops_writes: stops } = redis;
  if (aof === true && aofOk === false) {
    const why = 'Redis refuses every write, since it cannot write its append-only file: full disk?';
    return fail('persistence', why, ...DISK);
  }
  if (rdb === false || rdbOk !== false || stops === false) return undefined;
  const again = 'redis-cli BGSAVE   # then: as soon as one works, writes are taken again';
  if (rdb === true && stops === true) {
    const why = 'Redis refuses every write, since its last snapshot failed: full disk, or a folder that is gone?';
    return fail('persistence', why, ...DISK, again);
  }
  const why = "Redis's last snapshot failed: it refuses every write, unless it is set up not to";
  return warn('persistence', why, ...DISK, again);
}
