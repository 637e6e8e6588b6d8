import { newEpoch } from '../epoch.js';
import type { Appended, Inbox, Message } from '../store.js';
import type { RedisClient } from './connect.js';
import { FORWARD, HOLDERS } from './holders.js';
import type { Keys } from './keys.js';
import { available, defineScript, list, string } from './scripting.js';
import { pack, unpack } from './wire.js';

/** How long a user's numbering is remembered beyond its messages, seconds: 30 days. */
const NUMBERING_BEYOND = 30 * 86_400;

/**
 * How long a user's numbering is remembered, seconds. A page that slept over a quiet weekend is told `recovered: true`; and
 * messages without it would be dropped, since they count on it.
 */
export const numberingLife = (inboxTtl: number) => messagesLife(inboxTtl) + NUMBERING_BEYOND;

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

/**
 * Appending and publishing are one step: whoever died in between would leave a message that no one is told of. What
 * need not be done for each message waits: both keys live an eighth longer than they must, are renewed once that is
 * used up, and what is too old is dropped then, or when someone reads.
 *
 * Answers as one text, which costs the library a quarter of a list: 0 or 1 for nobody or somebody there, 2 more for a
 * duplicate, then the number, a blank and the epoch.
 */
const appendScript = ({ inboxLimit, inboxTtl, knownFor }: Kept) => `
${TRIM_BY_AGE}${HOLDERS}${FORWARD}
local inbox, messages, sockets, known, alias = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local epoch, packed, at, self, channel, head = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local fresh = redis.call('SET', known, '1', 'NX', 'EX', '${knownFor}')
if alias ~= known then fresh = redis.call('SET', alias, '1', 'NX', 'EX', '${knownFor}') and fresh end
local state = redis.call('HMGET', inbox, 'e', 'holders', 'renewed')
if not fresh then
  local seq, online = redis.call('HGET', inbox, 's') or '0', redis.call('EXISTS', sockets)
  return (2 + online) .. seq .. ' ' .. (state[1] or epoch)
end
if state[1] then epoch = state[1] else redis.call('HSET', inbox, 'e', epoch) end
local seq = redis.call('HINCRBY', inbox, 's', 1)
local count = redis.call('RPUSH', messages, packed)
if count > ${inboxLimit} then redis.call('LTRIM', messages, -${inboxLimit}, -1) end
if count == 1 or not state[3] or math.abs(at - state[3]) > ${slack(inboxTtl) * 1000} then
  redis.call('HSET', inbox, 'renewed', at)
  redis.call('EXPIRE', inbox, '${numberingLife(inboxTtl)}')
  redis.call('EXPIRE', messages, '${messagesLife(inboxTtl)}')
  trim(messages, at - ${inboxTtl * 1000})
end
local holders = state[2] or hold(inbox, sockets)
if holders == '' then return '0' .. seq .. ' ' .. epoch end
if holders ~= self then
  forward(holders, self, channel, head .. epoch .. '\\0' .. seq .. '\\0' .. packed)
end
return '1' .. seq .. ' ' .. epoch
`;

/** How long an inbox may go on without being renewed, seconds. */
const slack = (inboxTtl: number) => Math.ceil(inboxTtl / 8);
const messagesLife = (inboxTtl: number) => inboxTtl + slack(inboxTtl);

const SIGNAL = `
${HOLDERS}${FORWARD}
local holders = redis.call('HGET', KEYS[1], 'holders') or listed(KEYS[2])
forward(holders, ARGV[1], ARGV[2], ARGV[3])
return holders == '' and 0 or 1
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

interface Kept {
  readonly inboxLimit: number;
  /** Seconds. */
  readonly inboxTtl: number;
  /** How long an id is known, seconds. */
  readonly knownFor: number;
}

export interface RedisInboxOptions extends Kept {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly replica: string;
}

export function createRedisInbox({ client, keys, replica, ...kept }: RedisInboxOptions): Inbox {
  const { inboxTtl } = kept;
  const append = defineScript(client, 'relayAppend', 5, appendScript(kept));
  const signal = defineScript(client, 'relaySignal', 2, SIGNAL);
  const read = defineScript(client, 'relayRead', 2, READ);

  return {
    append: (deliveries) => {
      const packed = packEach();
      return inSlices(deliveries, async ({ user, message, key, alias }): Promise<Appended> => {
        const own = keys.of(user);
        const known = `${own}id:${key}`;
        const reply = await append(
          `${own}inbox`,
          `${own}messages`,
          `${own}sockets`,
          known,
          alias === undefined ? known : `${own}id:${alias}`,
          newEpoch(),
          packed(message),
          message.at,
          replica,
          keys.channel,
          `m\0${user}\0`,
        );
        return parseAppended(user, string(reply));
      });
    },
    signal: (users, message) => {
      const packed = pack(message);
      return inSlices(users, async (user) => {
        const own = keys.of(user);
        const frame = `s\0${user}\0${packed}`;
        return (await signal(`${own}inbox`, `${own}sockets`, replica, keys.channel, frame)) === 1;
      });
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
        numberingLife(inboxTtl),
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

function parseAppended(user: string, reply: string): Appended {
  const blank = reply.indexOf(' ');
  const found = Number(reply[0]);
  return {
    user,
    duplicate: found >= 2,
    online: found % 2 === 1,
    seq: Number(reply.slice(1, blank)),
    epoch: reply.slice(blank + 1),
  };
}

/** One message mostly goes to all of a call: it is packed once. */
function packEach(): (message: Message) => string {
  let last: Message | undefined;
  let packed = '';
  return (message) => {
    if (message !== last) packed = pack(message);
    last = message;
    return packed;
  };
}

/** Runs `one` for each item, `AT_ONCE` at a time; answers in their order. */
async function inSlices<T, R>(items: readonly T[], one: (item: T) => Promise<R>): Promise<readonly R[]> {
  if (items.length <= AT_ONCE) return Promise.all(items.map(one));
  const first = await Promise.all(items.slice(0, AT_ONCE).map(one));
  return [...first, ...(await inSlices(items.slice(AT_ONCE), one))];
}
