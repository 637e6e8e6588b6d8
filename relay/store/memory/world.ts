import { newEpoch } from '../epoch.js';
import { createExpiringMap, type ExpiringMap } from '../expiring-map.js';
import type { ExpiringSet } from '../expiring-set.js';
import type { Lost } from '../lost.js';
import {
  KNOWN_FOR,
  type Members,
  type Message,
  PAIR_WINDOW,
  type Said,
  type SocketRecord,
  type StoreEvents,
} from '../store.js';

/** A socket that went without a clean close, by its id; and what another has taken, by `~` and the taker's id. */
export interface LostSocket extends Omit<Lost, 'id' | 'kind'> {
  readonly kind: Lost['kind'] | 'taken';
}

export interface PresentSocket {
  record: SocketRecord;
  /** `unserved`: where it joined, for it has been served nothing yet. */
  confirmed: { readonly cursor: string; readonly unserved: boolean } | undefined;
}

export interface UserState {
  epoch: string;
  seq: number;
  /** The last of them has the number `seq`. More than the limit until they are trimmed. */
  entries: Message[];
  /** Keys of messages; a set of each user, since one of all would now and then be copied as a whole while it grows. */
  known: ExpiringSet | undefined;
  /** Another list with each that comes or goes: mostly there is one. */
  sockets: readonly PresentSocket[];
  /** From the first one on. */
  lost: Map<string, LostSocket> | undefined;
  watchers: ReadonlySet<string>;
  /** Has been announced online and not yet offline. */
  announced: boolean;
  lastSeen: number | undefined;
  offlineTimer: NodeJS.Timeout | undefined;
  /** When anything was last done here, Unix milliseconds. */
  touched: number;
}

export interface Waiting extends Said {
  readonly at: number;
}

export interface Pairing {
  readonly emits: Waiting[];
  readonly notifies: Waiting[];
  /** What each notify was told, by its id. */
  readonly completed: Map<string, string>;
}

/** The state that memory stores share: one for a process; tests let two stores share one. */
export interface World {
  readonly inboxLimit: number;
  /** Milliseconds. */
  readonly inboxTtl: number;
  readonly conversations: ExpiringMap<Members>;
  readonly conversationsOf: Map<string, Set<string>>;
  readonly devices: ExpiringMap<string>;
  readonly pairings: ExpiringMap<Pairing>;
  readonly replicas: Map<string, { since: number; events: StoreEvents }>;
  user(id: string): UserState;
  peek(id: string): UserState | undefined;
  close(): void;
}

/** Milliseconds. */
const TOUCH_EVERY = 60_000;
/** How long a device is remembered, milliseconds: 30 days. */
const DEVICE_LIFE = 30 * 86_400_000;

/** `inboxTtl` in seconds. */
export function createWorld(options: { inboxLimit: number; inboxTtl: number }): World {
  const users = new Map<string, UserState>();
  const inboxTtl = options.inboxTtl * 1000;
  const idleLife = Math.max(inboxTtl, KNOWN_FOR * 1000) + TOUCH_EVERY;

  function evictIdle(now: number): void {
    for (const [id, state] of users) {
      if (state.touched > now - idleLife) return;
      users.delete(id);
      if (state.sockets.length > 0 || state.watchers.size > 0) {
        state.touched = now;
        users.set(id, state);
      }
    }
  }

  return {
    inboxLimit: options.inboxLimit,
    inboxTtl,
    conversations: createExpiringMap(inboxTtl),
    conversationsOf: new Map(),
    devices: createExpiringMap(DEVICE_LIFE),
    pairings: createExpiringMap(PAIR_WINDOW * 2),
    replicas: new Map(),
    user(id) {
      const now = Date.now();
      const known = users.get(id);
      // moved to the end now and then only: a day's order need not be exact
      if (known !== undefined && now - known.touched < TOUCH_EVERY) return known;
      const state = known ?? newUser(now);
      state.touched = now;
      users.delete(id);
      users.set(id, state);
      evictIdle(now);
      return state;
    },
    peek: (id) => users.get(id),
    close() {
      for (const state of users.values()) clearTimeout(state.offlineTimer);
    },
  };
}

const NOBODY: ReadonlySet<string> = new Set();

function newUser(now: number): UserState {
  return {
    epoch: newEpoch(),
    seq: 0,
    entries: [],
    known: undefined,
    sockets: [],
    lost: undefined,
    watchers: NOBODY,
    announced: false,
    lastSeen: undefined,
    offlineTimer: undefined,
    touched: now,
  };
}
