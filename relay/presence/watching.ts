import { RelayError } from '../errors.js';
import type { Conversations } from '../messages/conversations.js';
import { encodeEvent, type Packet } from '../messages/packet.js';
import type { Pipe } from '../messages/pipe.js';
import type { Presence, UserPresence } from '../store/store.js';
import { userIdOf } from '../user-id.js';
import { createMissed } from './missed.js';

export interface PresenceState {
  readonly online: boolean;
  /** ISO 8601, `null` for one who is here or never was. */
  readonly last_seen: string | null;
}

/** Sockets that want to know when people come and go. */
export interface Watching {
  /** Answers the state of those of `ids` who share a conversation with the user; others are left out. */
  watch(user: string, pipe: Pipe, ids: unknown): Promise<Readonly<Record<string, PresenceState>>>;
  forget(pipe: Pipe): void;
  /** The store says that a watched user came or went; one who came may not have been said to have gone. */
  changed(user: string, online: boolean, lastSeen: number | undefined): void;
  /** The store came back: tells it once more whom this replica watches, and watchers later what could not be heard. */
  restore(): Promise<void>;
}

/** The most people one socket may watch. */
const LIMIT = 1_000;

export function createWatching(presence: Presence, conversations: Conversations): Watching {
  /** With what each socket was last told: whether the user is online, `undefined` while that is looked up. */
  const watchers = new Map<string, Map<Pipe, boolean | undefined>>();
  const watched = new WeakMap<Pipe, Set<string>>();
  /** What the store was asked, by user: who asks for the same user waits for it as well. */
  const subscriptions = new Map<string, Promise<void>>();
  /** How often all was forgotten that a pipe watched: what it asked before is not to be watched after. */
  const forgotten = new WeakMap<Pipe, number>();
  const missed = createMissed({
    presence,
    watched: watchers,
    found: (user, online, lastSeen) => tell(user, online, lastSeen, (told) => told !== !online),
  });

  /** To all but those that know it, by what they were told last. */
  function tell(
    user: string,
    online: boolean,
    lastSeen: number | undefined,
    knows: (told: boolean | undefined) => boolean,
  ): void {
    const data = { user_id: user, last_seen: isoOrNull(lastSeen) };
    const packet: Packet = encodeEvent(online ? 'user_online' : 'user_offline', JSON.stringify(data));
    const pipes = watchers.get(user) ?? new Map<Pipe, boolean | undefined>();
    for (const [pipe, told] of pipes) {
      if (knows(told)) continue;
      pipes.set(pipe, online);
      pipe.send(packet);
    }
  }

  async function add(pipe: Pipe, id: string): Promise<void> {
    const own = watched.get(pipe) ?? new Set();
    watched.set(pipe, own.add(id));
    const pipes = watchers.get(id) ?? new Map();
    watchers.set(id, pipes.set(pipe, undefined));
    await (subscriptions.get(id) ?? subscribe(id));
  }

  /** One that fails is tried again by whoever asks next. */
  function subscribe(id: string): Promise<void> {
    const subscription = presence.watch(id);
    subscriptions.set(id, subscription);
    subscription.catch(() => {
      if (subscriptions.get(id) === subscription) subscriptions.delete(id);
    });
    return subscription;
  }

  /** What was told while the look-up was under way is newer than what it found. */
  function answer(pipe: Pipe, id: string, { sockets, lastSeen }: UserPresence): PresenceState {
    const pipes = watchers.get(id);
    const online = pipes?.get(pipe) ?? sockets > 0;
    if (pipes?.has(pipe)) pipes.set(pipe, online);
    return stateOf(online ? 1 : 0, lastSeen);
  }

  return {
    async watch(user, pipe, ids) {
      const wanted = readIds(ids);
      const before = forgotten.get(pipe);
      const sharing = await conversations.sharing(user, wanted);
      if (forgotten.get(pipe) !== before) return {};
      const allowed = wanted.filter((id) => sharing.has(id));
      // watched before looked up: a change in between is told, and not lost
      await Promise.all(allowed.map((id) => add(pipe, id)));
      const states = await presence.lookup(allowed);
      return Object.fromEntries(
        allowed.map((id, index) => [id, answer(pipe, id, states[index] ?? { sockets: 0, lastSeen: undefined })]),
      );
    },
    forget(pipe) {
      forgotten.set(pipe, (forgotten.get(pipe) ?? 0) + 1);
      for (const id of watched.get(pipe) ?? []) {
        const pipes = watchers.get(id);
        pipes?.delete(pipe);
        if (pipes?.size !== 0) continue;
        watchers.delete(id);
        subscriptions.delete(id);
        // the store forgets a watch that it did not hear the end of with the replica itself
        presence.unwatch(id).catch(() => undefined);
      }
      watched.delete(pipe);
    },
    changed(user, online, lastSeen) {
      missed.heard(user);
      // whoever asks in the middle of a reload is answered "offline", the others have heard nothing of it
      tell(user, online, lastSeen, (told) => online && told === true);
    },
    restore: missed.restore,
  };
}

export function stateOf(sockets: number, lastSeen: number | undefined): PresenceState {
  return { online: sockets > 0, last_seen: sockets > 0 ? null : isoOrNull(lastSeen) };
}

export function isoOrNull(milliseconds: number | undefined): string | null {
  return milliseconds === undefined ? null : new Date(milliseconds).toISOString();
}

function readIds(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const ids = list.map(userIdOf);
  if (list.length > LIMIT || ids.includes(undefined)) {
    throw new RelayError('invalid_payload', `must be a list of at most ${LIMIT} user ids`);
  }
  return [...new Set(ids.filter((id) => id !== undefined))];
}
