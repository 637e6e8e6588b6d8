import type { Conversations, Devices, Members, Pairs, Said } from '../store.js';
import { PAIR_WINDOW } from '../store.js';
import type { RedisClient } from './connect.js';
import type { Keys } from './keys.js';
import { available, defineScript, string } from './scripting.js';

/** How long a device is remembered, seconds: 30 days. */
const DEVICE_LIFE = 30 * 86_400;

/** Written and told in one step: a replica that heard of it before it is there would learn once more what was. */
const LEARN = `
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
`;

export interface RedisConversationsOptions {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly replica: string;
  /** Seconds for which it is kept at least. */
  readonly inboxTtl: number;
}

/**
 * Who is in a conversation lies a quarter longer than it must. What a notify says once more is written only when that
 * is used up: most say what the one before said, and that is six commands and more.
 */
export function createRedisConversations(options: RedisConversationsOptions): Conversations {
  const { client, keys, replica, inboxTtl } = options;
  const learn = defineScript(client, 'relayLearn', 1, LEARN);
  const life = Math.ceil(inboxTtl * 1.25);

  function isKnown(next: Members, known: Members): boolean {
    const young = next.at - known.at < (life - inboxTtl) * 1000;
    const same =
      next.members.length === known.members.length && next.members.every((user, i) => user === known.members[i]);
    return young && same && next.source === 'notify' && known.source === 'notify';
  }

  return {
    async members(conversation) {
      const text = await available(client.get(keys.conversation(conversation)));
      return text === null ? undefined : (JSON.parse(text) as Members);
    },
    async learn(conversation, next, known) {
      if (known !== undefined && isKnown(next, known)) return;
      const gone = (known?.members ?? []).filter((user) => !next.members.includes(user));
      await Promise.all([
        ...gone.map((user) => available(client.srem(keys.userConversations(user), conversation))),
        ...next.members.flatMap((user) => [
          available(client.sadd(keys.userConversations(user), conversation)),
          available(client.expire(keys.userConversations(user), life)),
        ]),
      ]);
      // last: once this is there, the same is not written again for long
      const frame = `c\0${replica}\0${conversation}`;
      await learn(keys.conversation(conversation), JSON.stringify(next), life, keys.all, frame);
    },
    of: (users) =>
      Promise.all(users.map(async (user) => new Set(await available(client.smembers(keys.userConversations(user)))))),
  };
}

export function createRedisDevices(client: RedisClient, keys: Keys): Devices {
  return {
    user: async (device) => (await available(client.get(keys.device(device)))) ?? undefined,
    async bind(device, user) {
      await available(client.set(keys.device(device), user, 'EX', DEVICE_LIFE));
    },
  };
}

/**
 * One hash a sender: `e` and `n` are the waiting emits and notifies, as JSON lists; `c:<id>` what a notify was told, and
 * `t:<place>` its id in a ring of the last `limit`, of which `t` counts the turns: who speaks on and on never expires.
 * The rule of who says the same is that of the memory store.
 */
const PAIR = `
local key, mine, other = KEYS[1], ARGV[1], ARGV[2]
local said, now, window, limit = cjson.decode(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if mine == 'n' then
  local told = redis.call('HGET', key, 'c:' .. said.id)
  if told then return told end
end
local function same(a, b)
  if a.client ~= '' and b.client ~= '' then return a.client == b.client end
  return a.text == b.text and (a.conversation == '' or b.conversation == '' or a.conversation == b.conversation)
end
local function waiting(side) return cjson.decode(redis.call('HGET', key, side) or '[]') end
local function keep(side, list)
  if #list == 0 then redis.call('HDEL', key, side) else redis.call('HSET', key, side, cjson.encode(list)) end
end
local found, rest = '', {}
for _, one in ipairs(waiting(other)) do
  if one.at >= now - window then
    if found == '' and same(one, said) then found = one.id else rest[#rest + 1] = one end
  end
end
keep(other, rest)
if mine == 'n' then
  local place = 't:' .. redis.call('HINCRBY', key, 't', 1) % limit
  local oldest = redis.call('HGET', key, place)
  if oldest then redis.call('HDEL', key, 'c:' .. oldest) end
  redis.call('HSET', key, place, said.id, 'c:' .. said.id, found)
end
if found == '' then
  local own = waiting(mine)
  said.at = now
  own[#own + 1] = said
  if #own > limit then table.remove(own, 1) end
  keep(mine, own)
end
redis.call('PEXPIRE', key, window * 2)
return found
`;

/** How many emits or notifies of one sender wait for their other half, and of how many notifies it is known what they were told. */
const WAITING_LIMIT = 200;

export function createRedisPairs(client: RedisClient, keys: Keys): Pairs {
  const pair = defineScript(client, 'relayPair', 1, PAIR);
  const meet = async (sender: string, mine: 'e' | 'n', said: Said) =>
    string(
      await pair(
        keys.pairs(sender),
        mine,
        mine === 'e' ? 'n' : 'e',
        JSON.stringify(said),
        Date.now(),
        PAIR_WINDOW,
        WAITING_LIMIT,
      ),
    );

  return {
    async emit(sender, said) {
      const waiting = await meet(sender, 'e', said);
      return waiting === '' ? { id: said.id, first: true } : { id: waiting, first: false };
    },
    notify: async (sender, said) => (await meet(sender, 'n', said)) || undefined,
  };
}
