import { newEpoch } from '../epoch.js';
import type { Appended, Inbox } from '../store.js';
import type { RedisClient } from './connect.js';
import type { Keys } from './keys.js';
import { available, defineScript, list, string } from './scripting.js';
import { pack, unpack } from './wire.js';

/**
 * How long a user's numbering is remembered beyond its messages, seconds (30 days): a page that slept over a quiet
 * weekend is told `recovered: true`.
 */
export const NUMBERING_LIFE = 30 * 86_400;

/** Drops messages from before `oldest` (Unix ms) off the head of a list. */
export const TRIM_BY_AGE = `
local function trim(messages, oldest)
  local head = redis.call('LINDEX', messages, 0)
  while head and tonumber(string.match(head, '^%d+')) <= oldest do
    redis.call('LPOP', messages)
    head = redis.call('LINDEX', messages, 0)
  end
end
`;

/** Publishes `frame` to each replica but `self` that holds a socket of the user; true when any replica does. */
export const FORWARD = `
local function forward(sockets, self, channel, frame)
  local told = {}
  local records = redis.call('HVALS', sockets)
  for i = 1, #records do
    local replica = string.match(records[i], '^[^|]+')
    if replica ~= self and not told[replica] then
      told[replica] = true
      redis.call('PUBLISH', channel .. replica, frame)
    end
  end
  return #records > 0
end
`;

/** Appending and publishing are one step: whoever died in between would leave a message that no one is told of. */
const APPEND = `
${TRIM_BY_AGE}${FORWARD}
local inbox, messages, sockets, known, alias = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local epoch, packed, at, limit, ttl, knownFor, self, channel, user, numbering = unpack(ARGV)
local state = redis.call('HMGET', inbox, 'e', 's')
local fresh = redis.call('SET', known, '1', 'NX', 'EX', knownFor)
if alias ~= known then fresh = redis.call('SET', alias, '1', 'NX', 'EX', knownFor) and fresh end
if not fresh then
  return { 1, state[1] or epoch, state[2] or 0, redis.call('EXISTS', sockets) }
end
if state[1] then epoch = state[1] else redis.call('HSET', inbox, 'e', epoch) end
local seq = redis.call('HINCRBY', inbox, 's', 1)
redis.call('EXPIRE', inbox, numbering)
if redis.call('RPUSH', messages, packed) > tonumber(limit) then redis.call('LTRIM', messages, -limit, -1) end
trim(messages, tonumber(at) - ttl * 1000)
redis.call('EXPIRE', messages, ttl)
local online = forward(sockets, self, channel, 'm\\0' .. user .. '\\0' .. epoch .. '\\0' .. seq .. '\\0' .. packed)
return { 0, epoch, seq, online and 1 or 0 }
`;

const SIGNAL = `
${FORWARD}
return forward(KEYS[1], ARGV[1], ARGV[2], 's\\0' .. ARGV[3] .. '\\0' .. ARGV[4]) and 1 or 0
`;

const READ = `
${TRIM_BY_AGE}
local state = redis.call('HMGET', KEYS[1], 'e', 's')
if not state[1] then
  redis.call('HSET', KEYS[1], 'e', ARGV[1], 's', 0)
  redis.call('EXPIRE', KEYS[1], ARGV[5])
  return { ARGV[1], 0, 0, {} }
end
trim(KEYS[2], tonumber(ARGV[4]))
local seq = tonumber(state[2])
local floor = seq - redis.call('LLEN', KEYS[2])
local from = math.max(0, tonumber(ARGV[2]) - floor)
return { state[1], seq, floor, redis.call('LRANGE', KEYS[2], from, from + ARGV[3] - 1) }
`;

/** Commands under way at once for one call: of 10,000, the last would wait longer than a command may take. */
const AT_ONCE = 500;

export interface RedisInboxOptions {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly replica: string;
  readonly inboxLimit: number;
  /** Seconds. */
  readonly inboxTtl: number;
  /** How long an id is known, seconds. */
  readonly knownFor: number;
}

export function createRedisInbox({ client, keys, replica, inboxLimit, inboxTtl, knownFor }: RedisInboxOptions): Inbox {
  const append = defineScript(client, 'relayAppend', 5, APPEND);
  const signal = defineScript(client, 'relaySignal', 1, SIGNAL);
  const read = defineScript(client, 'relayRead', 2, READ);

  return {
    append: (deliveries) =>
      inSlices(deliveries, async ({ user, message, key, alias }): Promise<Appended> => {
        const known = keys.known(user, key);
        const reply = await append(
          keys.user(user, 'inbox'),
          keys.user(user, 'messages'),
          keys.user(user, 'sockets'),
          known,
          alias === undefined ? known : keys.known(user, alias),
          newEpoch(),
          pack(message),
          message.at,
          inboxLimit,
          inboxTtl,
          knownFor,
          replica,
          keys.channel,
          user,
          NUMBERING_LIFE,
        );
        const [duplicate, epoch, seq, online] = list(reply);
        return { user, duplicate: duplicate === 1, epoch: string(epoch), seq: Number(seq), online: online === 1 };
      }),
    signal: (users, message) => {
      const packed = pack(message);
      return inSlices(
        users,
        async (user) => (await signal(keys.user(user, 'sockets'), replica, keys.channel, user, packed)) === 1,
      );
    },
    async read(user, after, limit) {
      const oldest = Date.now() - inboxTtl * 1000;
      const reply = await read(
        keys.user(user, 'inbox'),
        keys.user(user, 'messages'),
        newEpoch(),
        after,
        limit,
        oldest,
        NUMBERING_LIFE,
      );
      const [epoch, seq, floor, packed] = list(reply);
      const first = Math.max(after, Number(floor)) + 1;
      const entries = list(packed).map((entry, index) => ({ ...unpack(string(entry)), seq: first + index }));
      return { epoch: string(epoch), seq: Number(seq), floor: Number(floor), entries };
    },
    async position(user) {
      const [epoch, seq] = await available(client.hmget(keys.user(user, 'inbox'), 'e', 's'));
      return typeof epoch === 'string' ? { epoch, seq: Number(seq ?? 0) } : undefined;
    },
  };
}

/** Runs `one` for each item, `AT_ONCE` at a time; answers in their order. */
async function inSlices<T, R>(items: readonly T[], one: (item: T) => Promise<R>): Promise<readonly R[]> {
  if (items.length <= AT_ONCE) return Promise.all(items.map(one));
  const first = await Promise.all(items.slice(0, AT_ONCE).map(one));
  return [...first, ...(await inSlices(items.slice(AT_ONCE), one))];
}
