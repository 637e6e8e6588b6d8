import type { Load, Replica } from '../store.js';
import type { RedisClient } from './connect.js';
import { HOLDERS, REVIVE } from './holders.js';
import { numberingLife } from './inbox.js';
import type { Keys } from './keys.js';
import { TELL_WATCHERS } from './presence.js';
import { available, defineScript, list, string } from './scripting.js';

/** How often a replica renews its lease, and how old a lease may grow before the replica is held for dead, ms. */
export const BEAT = 2_000;
export const LEASE = 9_000;
/** How many users are swept or announced at a time. */
const CHUNK = 200;

/** Redis's own clock: those of replicas may differ. Answers whether the lease was still there, and who is dead. */
const RENEW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[4])
return { held and 1 or 0, redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3]) }
`;

/** Whether a replica has renewed its lease in time, or again. */
const ALIVE = `
local time = redis.call('TIME')
local renewed = redis.call('ZSCORE', KEYS[1], ARGV[1])
return renewed and time[1] * 1000 + math.floor(time[2] / 1000) - renewed <= tonumber(ARGV[2]) and 1 or 0
`;

/** What a dead replica's sockets had confirmed is kept for the browsers that come back. */
const SWEEP = `
${HOLDERS}${REVIVE}
local inbox, sockets, confirmed, lost = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local dead, now, ttl, numbering = unpack(ARGV)
local records = redis.call('HGETALL', sockets)
for i = 1, #records, 2 do
  if string.match(records[i + 1], '^[^|]+') == dead then
    local cursor = redis.call('HGET', confirmed, records[i])
    if cursor then redis.call('HSET', lost, records[i], now .. '|' .. cursor .. '|' .. records[i + 1] .. '\\0') end
    redis.call('HDEL', sockets, records[i])
    redis.call('HDEL', confirmed, records[i])
    redis.call('HDEL', lost, '~' .. records[i])
  end
end
hold(inbox, sockets)
revive(inbox, numbering)
redis.call('EXPIRE', lost, ttl)
if redis.call('HLEN', sockets) == 0 then redis.call('HSET', inbox, 'seen', now) end
`;

const OFFLINE = `
${TELL_WATCHERS}
if redis.call('EXISTS', KEYS[2]) == 1 or redis.call('HGET', KEYS[1], 'on') ~= '1' then return 0 end
redis.call('HSET', KEYS[1], 'on', '0')
tell(KEYS[3], ARGV[1], 'p\\0' .. ARGV[2] .. '\\0' .. '0\\0' .. (redis.call('HGET', KEYS[1], 'seen') or ''))
return 1
`;

/** Leaves the entry of a user who came and went again meanwhile: it is due later. */
const REMOVE_DUE = `
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if due and tonumber(due) <= tonumber(ARGV[2]) then redis.call('ZREM', KEYS[1], ARGV[1]) end
`;

export interface Leases {
  /** Renews this replica's lease and says how busy it is. `held` is false when it had lapsed or Redis came back empty. */
  renew(load: Load): Promise<{ held: boolean; dead: readonly string[] }>;
  /**
   * Moves a dead replica's sockets to where their browsers find their cursors, and announces who is gone. May take longer
   * than a lease lasts. `isStopped` is asked now and then: the rest is left to another replica.
   */
  sweep(dead: string, isStopped: () => boolean): Promise<void>;
  /** Announces users offline whose time has come. */
  announceOffline(): Promise<void>;
  /**
   * Ends the lease, and with it what others know of this replica. While something of it still lies in the store, since that
   * was away when it went, the lease is left to lapse: only of a replica that is held for dead it is swept.
   */
  end(): Promise<void>;
  replicas(): Promise<readonly Omit<Replica, 'self'>[]>;
}

export function createLeases(options: { client: RedisClient; keys: Keys; replica: string; inboxTtl: number }): Leases {
  const { client, keys, replica, inboxTtl } = options;
  const since = Date.now();
  const renewLease = defineScript(client, 'relayRenew', 3, RENEW);
  const alive = defineScript(client, 'relayAlive', 1, ALIVE);
  const sweepUser = defineScript(client, 'relaySweep', 4, SWEEP);
  const removeDue = defineScript(client, 'relayRemoveDue', 1, REMOVE_DUE);
  const offlineUser = defineScript(client, 'relayOffline', 3, OFFLINE);

  async function sweep(dead: string, isStopped: () => boolean): Promise<void> {
    const lock = `${keys.replicaUsers(dead)}:sweep`;
    if ((await available(client.set(lock, replica, 'PX', LEASE, 'NX'))) !== 'OK') return;
    for (;;) {
      const isAlive = (await alive(keys.replicas, dead, LEASE)) === 1;
      // it only was slow: told that it was held for dead, it has its sockets join again
      if (isAlive) await forget(dead);
      // as long as the lock is there, nobody else goes on
      if (isAlive || isStopped()) return void (await available(client.del(lock)));
      const users = await available(client.srandmember(keys.replicaUsers(dead), CHUNK));
      if (users.length === 0) break;
      await Promise.all(users.map((user) => sweepOne(dead, user)));
      const removed = available(client.srem(keys.replicaUsers(dead), ...users));
      // else all replicas would be at it after a while, over a Redis that is slow enough
      await Promise.all([removed, available(client.pexpire(lock, LEASE))]);
    }
    const watched = await available(client.smembers(keys.replicaWatches(dead)));
    await Promise.all(watched.map((user) => available(client.hdel(keys.user(user, 'watchers'), dead))));
    await available(client.del(keys.replicaWatches(dead)));
    await forget(dead);
  }

  async function announceOne(user: string, now: number): Promise<void> {
    const parts = (['inbox', 'sockets', 'watchers'] as const).map((part) => keys.user(user, part));
    await offlineUser(...parts, keys.channel, user);
    await removeDue(keys.offline, user, now);
  }

  async function sweepOne(dead: string, user: string): Promise<void> {
    const parts = (['inbox', 'sockets', 'confirmed', 'lost'] as const).map((part) => keys.user(user, part));
    const now = Date.now();
    await sweepUser(...parts, dead, now, inboxTtl, numberingLife(inboxTtl));
    // one who left a living replica of late may only be loading the page again, and is due later
    await available(client.zadd(keys.offline, 'GT', now, user));
  }

  async function forget(id: string): Promise<void> {
    await available(client.zrem(keys.replicas, id));
    await available(client.hdel(keys.replicaSince, id));
    await available(client.hdel(keys.replicaLoad, id));
  }

  return {
    async renew(load) {
      const names = [keys.replicas, keys.replicaSince, keys.replicaLoad];
      const [held, dead] = list(await renewLease(...names, replica, since, LEASE, JSON.stringify(load)));
      return { held: held === 1, dead: list(dead).map(string) };
    },
    sweep,
    async announceOffline() {
      for (let found = CHUNK; found === CHUNK; ) {
        const now = Date.now();
        const due = await available(client.zrangebyscore(keys.offline, '-inf', now, 'LIMIT', 0, CHUNK));
        await Promise.all(due.map((user) => announceOne(user, now)));
        found = due.length;
      }
    },
    async end() {
      const left = await available(client.exists(keys.replicaUsers(replica), keys.replicaWatches(replica)));
      if (left === 0) await forget(replica);
    },
    async replicas() {
      const [known, loads] = await Promise.all([
        available(client.hgetall(keys.replicaSince)),
        available(client.hgetall(keys.replicaLoad)),
      ]);
      return Object.entries(known).map(([id, at]) => ({ id, since: Number(at), load: parseLoad(loads[id]) }));
    },
  };
}

/** Written by a relay of the same or a neighbouring version. */
function parseLoad(text: string | undefined): Load | null {
  return text === undefined ? null : (JSON.parse(text) as Load);
}
