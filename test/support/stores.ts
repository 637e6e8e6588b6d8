import { pino } from 'pino';
import { createMemoryStore } from '../../relay/store/memory/store.js';
import { createWorld } from '../../relay/store/memory/world.js';
import { createRedisStore } from '../../relay/store/redis/store.js';
import type { Delivery, Load, Message, Position, SocketRecord, Store } from '../../relay/store/store.js';
import { sharedRedis } from './redis.js';
import { onTeardown } from './teardown.js';
import { until } from './until.js';

/** A store with all that it reported. */
export interface Watched extends Store {
  readonly messages: { user: string; position: Position; message: Message }[];
  readonly signals: { user: string; message: Message }[];
  readonly comings: { user: string; online: boolean; lastSeen: number | undefined }[];
  /** Conversations whose members another replica has written. */
  readonly written: string[];
  /** How often all sockets had to join again. */
  restored(): number;
  /** What other replicas' questions are answered. */
  answer: (question: unknown) => Promise<unknown>;
  /** How busy it says it is. */
  busyAs: Load;
}

export interface StoreOptions {
  readonly inboxLimit?: number;
  /** Seconds. */
  readonly inboxTtl?: number;
}

const IDLE: Load = {
  sockets: 0,
  users: 0,
  unconfirmed: 0,
  notifies_per_second: 0,
  busy: 0,
  memory: 0,
  version: 'a test',
};

/** How two replicas of a kind come to share what they know. */
export type OpenTwo = (options?: StoreOptions) => Promise<readonly [Watched, Watched]>;

export const openTwoInMemory: OpenTwo = async ({ inboxLimit = 200, inboxTtl = 3_600 } = {}) => {
  const world = createWorld({ inboxLimit, inboxTtl });
  return [await open(createMemoryStore(world)), await open(createMemoryStore(world))];
};

export const openTwoOverRedis: OpenTwo = async (options = {}) => {
  const { url, prefix } = sharedRedis();
  return [await openRedisStore(url, prefix, options), await openRedisStore(url, prefix, options)];
};

export async function openRedisStore(url: string, prefix: string, options: StoreOptions = {}): Promise<Watched> {
  const { inboxLimit = 200, inboxTtl = 3_600 } = options;
  const log = pino({ level: 'silent' });
  const store = await open(createRedisStore({ url, prefix, inboxLimit, inboxTtl, log }));
  await until('a probe to come back', () => store.routes.health().up);
  return store;
}

async function open(store: Store): Promise<Watched> {
  let restored = 0;
  const watched: Watched = {
    ...store,
    messages: [],
    signals: [],
    comings: [],
    written: [],
    restored: () => restored,
    answer: async () => undefined,
    busyAs: IDLE,
  };
  await store.open({
    onMessage: (user, position, message) => void watched.messages.push({ user, position, message }),
    onSignal: (user, message) => void watched.signals.push({ user, message }),
    onPresence: (user, online, lastSeen) => void watched.comings.push({ user, online, lastSeen }),
    onMembers: (conversation) => void watched.written.push(conversation),
    onQuestion: (question) => watched.answer(question),
    onAway: () => undefined,
    onRestored: () => {
      restored += 1;
    },
    load: () => watched.busyAs,
  });
  onTeardown(() => store.close());
  return watched;
}

export function messageOf(id: string, at = Date.now()): Message {
  return { event: 'receive_message', id, body: JSON.stringify({ id }), at };
}

export function deliveryTo(user: string, id: string, more: Partial<Delivery> = {}): Delivery {
  return { user, message: messageOf(id), key: `receive_message:${id}`, ...more };
}

export function socketOf(store: Store, id: string, browser: readonly string[] = [`s:${id}`]): SocketRecord {
  return {
    id,
    replica: store.replica,
    since: 1,
    browser,
    address: '127.0.0.1',
    userAgent: 'a page',
    transport: 'websocket',
  };
}
