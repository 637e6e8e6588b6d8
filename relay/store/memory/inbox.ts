import { createExpiringSet } from '../expiring-set.js';
import { type Appended, type Delivery, type Inbox, KNOWN_FOR, type Message } from '../store.js';
import type { UserState, World } from './world.js';

/** So many messages over the limit are dropped together, before anybody reads: to drop each by itself moves all others. */
const SPARE = 100;

export function createMemoryInbox(world: World, replica: string): Inbox {
  function append({ user, message, key, alias }: Delivery): Appended {
    const state = world.user(user);
    state.known ??= createExpiringSet(KNOWN_FOR);
    const isNew = state.known.add(key);
    const duplicate = (alias !== undefined && !state.known.add(alias)) || !isNew;
    if (!duplicate) {
      state.seq += 1;
      state.entries.push(message);
      if (state.entries.length > world.inboxLimit + SPARE) trim(state, world);
      if (world.replicas.size > 1)
        forward(state, (events) => events.onMessage(user, { epoch: state.epoch, seq: state.seq }, message));
    }
    return { user, duplicate, epoch: state.epoch, seq: state.seq, online: state.sockets.length > 0 };
  }

  /** To the other replicas that hold the user: only tests have any. */
  function forward(state: UserState, give: (events: NonNullable<ReturnType<typeof eventsOf>>) => void): void {
    for (const id of new Set(state.sockets.map(({ record }) => record.replica))) {
      const events = id === replica ? undefined : eventsOf(id);
      if (events !== undefined) give(events);
    }
  }

  function eventsOf(id: string) {
    return world.replicas.get(id)?.events;
  }

  return {
    append: async (deliveries) => deliveries.map(append),
    signal: async (users, message: Message) =>
      users.map((user) => {
        const state = world.peek(user);
        if (state === undefined || state.sockets.length === 0) return false;
        forward(state, (events) => events.onSignal(user, message));
        return true;
      }),
    async read(user, after, limit) {
      const state = world.user(user);
      trim(state, world);
      const floor = state.seq - state.entries.length;
      const from = Math.max(0, after - floor);
      const entries = state.entries
        .slice(from, from + limit)
        .map((message, index) => ({ ...message, seq: floor + from + index + 1 }));
      return { epoch: state.epoch, seq: state.seq, floor, entries };
    },
    async position(user) {
      const state = world.peek(user);
      return state && { epoch: state.epoch, seq: state.seq };
    },
  };
}

/** Drops what is over the limit or too old. */
export function trim(state: UserState, world: World): void {
  const oldest = Date.now() - world.inboxTtl;
  let excess = Math.max(0, state.entries.length - world.inboxLimit);
  while ((state.entries[excess]?.at ?? Number.POSITIVE_INFINITY) <= oldest) excess += 1;
  if (excess > 0) state.entries = state.entries.slice(excess);
}
