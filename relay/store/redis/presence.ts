import { sameBrowser } from '../browser.js';
import { newEpoch } from '../epoch.js';
import { chooseLost, UNSERVED } from '../lost.js';
import { OFFLINE_AFTER, type Presence, UNCLEAR_FOR } from '../store.js';
import type { RedisClient } from './connect.js';
import { HOLDERS, REVIVE } from './holders.js';
import { numberingLife, TRIM_BY_AGE } from './inbox.js';
import type { Keys } from './keys.js';
import { packLost, packShown, packSocket, parseLost, parseSocket, parseTaken } from './records.js';
import { available, defineScript, list, string } from './scripting.js';

/** Tells every replica that watches the user. */
export const TELL_WATCHERS = `
local function tell(watchers, channel, frame)
  local replicas = redis.call('HKEYS', watchers)
  for i = 1, #replicas do redis.call('PUBLISH', channel .. replicas[i], frame) end
end
`;

const JOIN = `
${TRIM_BY_AGE}${TELL_WATCHERS}${HOLDERS}
local inbox, messages, sockets, confirmed, watchers, lost = unpack(KEYS)
local fresh, id, record, limit, seenEpoch, seenSeq, seenAt, oldest, numbering, channel, user = unpack(ARGV)
local state = redis.call('HMGET', inbox, 'e', 's', 'on')
local epoch, seq = state[1], tonumber(state[2] or 0)
seenSeq, seenAt = tonumber(seenSeq), tonumber(seenAt)

local function acceptedAt(index)
  return tonumber(string.match(redis.call('LINDEX', messages, index) or '', '^%d+') or 0)
end

local function isBehind()
  if epoch ~= seenEpoch then return false end
  local index = seenSeq - (seq - redis.call('LLEN', messages)) - 1
  return seenSeq > seq or (seenAt > 0 and index >= 0 and acceptedAt(index) ~= seenAt)
end

if not epoch or isBehind() then
  -- what was accepted after all that was seen: whoever was shown it already is shown it again
  if epoch then trim(messages, seenAt) else redis.call('DEL', messages) end
  epoch, seq = fresh, redis.call('LLEN', messages)
  redis.call('HSET', inbox, 'e', epoch, 's', seq)
end
trim(messages, tonumber(oldest))
local floor = seq - redis.call('LLEN', messages)
local renewed = redis.call('HDEL', sockets, id) == 1
local others = redis.call('HGETALL', sockets)
if not renewed and tonumber(limit) > 0 and #others / 2 >= tonumber(limit) then return { 1, epoch, seq, floor, {}, 0, 0 } end
redis.call('HSET', sockets, id, record)
hold(inbox, sockets)
redis.call('HDEL', lost, id)
redis.call('HSETNX', confirmed, id, '${UNSERVED}' .. epoch .. '.' .. seq)
if state[3] ~= '1' or #others == 0 then
  redis.call('HSET', inbox, 'on', '1')
  tell(watchers, channel, 'p\\0' .. user .. '\\0' .. '1\\0')
end
redis.call('HDEL', inbox, 'seen')
redis.call('EXPIRE', inbox, numbering)
return { 0, epoch, seq, floor, others, redis.call('EXISTS', lost), acceptedAt(-1) }
`;

/** Of so many, those whose time is over are dropped; a hash's fields have none of their own. */
const MANY_LOST = 32;
const TIDY = `
local function tidy(lost, now, life)
  local all = redis.call('HGETALL', lost)
  for i = 1, #all, 2 do
    local at = tonumber(string.match(all[i + 1], '^-?(%d+)'))
    local unclear = string.find(all[i + 1], '"browser":["?', 1, true)
    if at < now - (unclear and ${UNCLEAR_FOR} or life) then redis.call('HDEL', lost, all[i]) end
  end
end
`;

const REVISE = `if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end`;

const LEAVE = `
${HOLDERS}${TIDY}${REVIVE}
local inbox, sockets, confirmed, lost = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, cursor, now, ttl, numbering, shown, as = unpack(ARGV)
local record = redis.call('HGET', sockets, id)
if not record then return 0 end
if cursor == 'stored' then cursor = redis.call('HGET', confirmed, id) or '' end
redis.call('HDEL', sockets, id)
hold(inbox, sockets)
revive(inbox, numbering)
redis.call('HDEL', confirmed, id)
redis.call('HDEL', lost, '~' .. id)
if cursor ~= '' then
  redis.call('HSET', lost, id, now .. '|' .. cursor .. '|' .. (as ~= '' and as or record) .. '\\0' .. shown)
  if redis.call('HLEN', lost) > ${MANY_LOST} then tidy(lost, tonumber(now), tonumber(ttl) * 1000) end
  redis.call('EXPIRE', lost, ttl)
end
if redis.call('HLEN', sockets) == 0 then
  redis.call('DEL', confirmed)
  redis.call('HSET', inbox, 'seen', now)
end
return 1
`;

/** Answers 1 when it was taken, 0 when another tab was quicker, -1 when the socket has left. */
const RECLAIM = `
local sockets, confirmed, lost = KEYS[1], KEYS[2], KEYS[3]
local id, cursor, taken, used, also = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if redis.call('HEXISTS', sockets, id) == 0 then return -1 end
if redis.call('HDEL', lost, used) == 0 then return 0 end
for i = 6, 5 + also do redis.call('HDEL', lost, ARGV[i]) end
for i = 6 + also, #ARGV, 2 do redis.call('HSET', lost, ARGV[i], ARGV[i + 1]) end
redis.call('HSET', lost, '~' .. id, taken)
redis.call('HSET', confirmed, id, cursor)
return 1
`;

const LEND = `
local taken = redis.call('HGET', KEYS[1], ARGV[1])
if taken and string.sub(taken, 1, 1) == '-' then redis.call('HSET', KEYS[1], ARGV[1], string.sub(taken, 2)) end
`;

const WAITS = `
local cursor = redis.call('HGET', KEYS[1], ARGV[1])
if cursor and string.sub(cursor, 1, 1) == '${UNSERVED}' then redis.call('HDEL', KEYS[1], ARGV[1]) end
`;

const LOOKUP = `return { redis.call('HLEN', KEYS[2]), redis.call('HGET', KEYS[1], 'seen') or '' }`;

export interface RedisPresenceOptions {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly replica: string;
  /** Seconds. */
  readonly inboxTtl: number;
}

export function createRedisPresence({ client, keys, replica, inboxTtl }: RedisPresenceOptions): Presence {
  const join = defineScript(client, 'relayJoin', 6, JOIN);
  const revise = defineScript(client, 'relayRevise', 1, REVISE);
  const leave = defineScript(client, 'relayLeave', 4, LEAVE);
  const take = defineScript(client, 'relayReclaim', 3, RECLAIM);
  const lend = defineScript(client, 'relayLend', 1, LEND);
  const waits = defineScript(client, 'relayWaits', 1, WAITS);
  const lookup = defineScript(client, 'relayLookup', 2, LOOKUP);
  /** Sockets of ours by user, to know when this replica begins and ceases to hold one. */
  const held = new Map<string, Set<string>>();

  /** Answers whether this replica holds the user no more; also when it is told again, after the store was away. */
  function release(user: string, socketId: string): boolean {
    const own = held.get(user);
    own?.delete(socketId);
    if (own !== undefined && own.size > 0) return false;
    held.delete(user);
    return true;
  }

  /** One that was refused never was a socket of ours: as long as it counted, the last one to leave was not the last. */
  async function drop(user: string, socketId: string): Promise<void> {
    if (release(user, socketId)) await available(client.srem(keys.replicaUsers(replica), user));
  }

  return {
    async join(user, socket, { limit, seen }) {
      const own = held.get(user) ?? new Set();
      held.set(user, own.add(socket.id));
      // before the socket itself: a sweep after a crash finds users by this set
      const listed = available(client.sadd(keys.replicaUsers(replica), user));
      const joined = join(
        keys.user(user, 'inbox'),
        keys.user(user, 'messages'),
        keys.user(user, 'sockets'),
        keys.user(user, 'confirmed'),
        keys.user(user, 'watchers'),
        keys.user(user, 'lost'),
        newEpoch(),
        socket.id,
        packSocket(socket),
        limit,
        seen?.epoch ?? '',
        seen?.seq ?? 0,
        seen?.at ?? 0,
        Date.now() - inboxTtl * 1000,
        numberingLife(inboxTtl),
        keys.channel,
        user,
      );
      const [reply] = await Promise.all([joined, listed]);
      const [refused, epoch, seq, floor, others, kept, at] = list(reply);
      if (refused === 1) await drop(user, socket.id);
      const siblings = parseSockets(list(others)).filter((other) => sameBrowser(other.browser, socket.browser));
      return {
        refused: refused === 1,
        epoch: string(epoch),
        seq: Number(seq),
        at: Number(at),
        floor: Number(floor),
        mayContinue: kept === 1,
        siblings,
      };
    },
    async revise(user, socket) {
      await revise(keys.user(user, 'sockets'), socket.id, packSocket(socket));
    },
    async leave(user, socketId, lost) {
      const last = release(user, socketId);
      const now = Date.now();
      const left = leave(
        keys.user(user, 'inbox'),
        keys.user(user, 'sockets'),
        keys.user(user, 'confirmed'),
        keys.user(user, 'lost'),
        socketId,
        lost === true ? 'stored' : (lost?.cursor ?? ''),
        now,
        inboxTtl,
        numberingLife(inboxTtl),
        packShown(lost === true ? [] : (lost?.shown ?? [])),
        lost === true || lost?.as === undefined ? '' : packSocket(lost.as),
      );
      const forgotten = last ? available(client.srem(keys.replicaUsers(replica), user)) : undefined;
      const due = last ? available(client.zadd(keys.offline, now + OFFLINE_AFTER * 1000, user)) : undefined;
      await Promise.all([left, forgotten, due]);
    },
    async waits(user, socketId) {
      await waits(keys.user(user, 'confirmed'), socketId);
    },
    async confirm(confirmed) {
      await Promise.all(
        confirmed.map(({ user, socketId, cursor }) =>
          available(client.hset(keys.user(user, 'confirmed'), socketId, cursor)),
        ),
      );
    },
    async reclaim(user, browser, socketId) {
      const parts = (['sockets', 'confirmed', 'lost'] as const).map((part) => keys.user(user, part));
      for (;;) {
        const now = Date.now();
        const hash = await available(client.hgetall(keys.user(user, 'lost')));
        const before = parseTaken(hash, socketId);
        if (before !== undefined) return before;
        const all = parseLost(hash);
        const chosen = chooseLost(all, browser, now);
        if (chosen === undefined) return undefined;
        const { kept, used, alsoUsed, rest } = chosen;
        const recordOf = (id: string) => all.find((lost) => lost.id === id)?.record ?? '';
        const taken = packLost({ at: now, record: recordOf(used), ...kept });
        const others = rest.flatMap((lost) => [lost.id, packLost({ ...lost, record: recordOf(lost.id) })]);
        const mark = alsoUsed.length > 0 ? '' : '-';
        const { cursor } = kept;
        const took = await take(
          ...parts,
          socketId,
          cursor,
          mark + taken,
          used,
          alsoUsed.length,
          ...alsoUsed,
          ...others,
        );
        if (took === 1) return kept;
        if (took === -1) return undefined;
        // another tab of this browser took the same one at the same moment: then choose again
      }
    },
    async lend(user, socketId) {
      await lend(keys.user(user, 'lost'), `~${socketId}`);
    },
    async sockets(user) {
      return parseSockets(Object.entries(await available(client.hgetall(keys.user(user, 'sockets')))).flat());
    },
    async confirmed(user) {
      const all = Object.entries(await available(client.hgetall(keys.user(user, 'confirmed'))));
      return new Map(all.filter(([, cursor]) => !cursor.startsWith(UNSERVED)));
    },
    lookup: (users) =>
      Promise.all(
        users.map(async (user) => {
          const [sockets, seen] = list(await lookup(keys.user(user, 'inbox'), keys.user(user, 'sockets')));
          return { sockets: Number(sockets), lastSeen: seen === '' ? undefined : Number(seen) };
        }),
      ),
    async watch(user) {
      const listed = available(client.sadd(keys.replicaWatches(replica), user));
      await Promise.all([listed, available(client.hset(keys.user(user, 'watchers'), replica, '1'))]);
    },
    async unwatch(user) {
      const gone = available(client.hdel(keys.user(user, 'watchers'), replica));
      await Promise.all([gone, available(client.srem(keys.replicaWatches(replica), user))]);
    },
  };
}

function parseSockets(flat: readonly unknown[]) {
  return flat.flatMap((value, index) => (index % 2 === 1 ? [parseSocket(string(flat[index - 1]), string(value))] : []));
}
