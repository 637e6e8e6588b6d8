import { isPayload, type Payload } from '../../messages/legacy-fields.js';
import { type Finding, fail, ok, unchecked, warn } from '../finding.js';

const DURABLE = ['redis-cli CONFIG SET appendonly yes', 'redis-cli CONFIG REWRITE'];
/** A probe should take a few milliseconds, seconds. */
const SLOW_PROBE = 0.5;

/** The way through Redis and back, and what of Redis outlives it; from `store` of `GET /stats`. */
export function checkStore(stats: Payload, production: boolean): readonly Finding[] {
  const store = isPayload(stats.store) ? stats.store : {};
  if (store.kind === 'memory') return [inMemory(production)];
  if (store.kind !== 'redis')
    return [unchecked('store', 'the relay is of a version that does not tell about its store')];
  return [loop(store), persistence(isPayload(store.persistence) ? store.persistence : undefined)];
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

function persistence(redis: Payload | undefined): Finding {
  if (redis === undefined) return unchecked('persistence', 'Redis did not tell the relay about its persistence');
  const { aof_enabled: aof, aof_ok: aofOk, aof_fsync: fsync, rdb_enabled: rdb, maxmemory_policy: policy } = redis;
  if (aof === true && aofOk === false) {
    return fail(
      'persistence',
      'Redis cannot write its append-only file: full disk?',
      'df -h',
      'redis-cli INFO persistence',
    );
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
