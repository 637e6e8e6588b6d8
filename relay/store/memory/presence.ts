import { isUnclear, sameBrowser } from '../browser.js';
import { cursorOf } from '../cursor.js';
import { chooseLost } from '../lost.js';
import { OFFLINE_AFTER, type Presence, type SocketRecord, UNCLEAR_FOR } from '../store.js';
import { trim } from './inbox.js';
import type { PresentSocket, UserState, World } from './world.js';

export function createMemoryPresence(world: World, replica: string): Presence {
  function announce(user: string, state: UserState, online: boolean): void {
    state.announced = online;
    for (const id of state.watchers) world.replicas.get(id)?.events.onPresence(user, online, state.lastSeen);
  }

  function scheduleOffline(user: string, state: UserState): void {
    clearTimeout(state.offlineTimer);
    state.offlineTimer = setTimeout(() => {
      if (state.sockets.length === 0 && state.announced) announce(user, state, false);
    }, OFFLINE_AFTER * 1000);
  }

  return {
    async join(user, record, { limit }) {
      const state = world.user(user);
      trim(state, world);
      const known = socketOf(state, record.id);
      const others = recordsOf(state).filter((other) => other.id !== record.id);
      const refused = known === undefined && limit > 0 && others.length >= limit;
      if (!refused) {
        clearTimeout(state.offlineTimer);
        const confirmed = known?.confirmed ?? { cursor: cursorOf(state), unserved: true };
        state.sockets = without(state, known).concat([{ record, confirmed }]);
        state.lost?.delete(record.id);
        state.lastSeen = undefined;
        if (!state.announced || others.length === 0) announce(user, state, true);
      }
      return {
        epoch: state.epoch,
        seq: state.seq,
        at: state.entries.at(-1)?.at ?? 0,
        floor: state.seq - state.entries.length,
        refused,
        mayContinue: (state.lost?.size ?? 0) > 0,
        siblings: others.filter((other) => sameBrowser(other.browser, record.browser)),
      };
    },
    async revise(user, record) {
      const socket = socketOf(world.peek(user), record.id);
      if (socket !== undefined) socket.record = record;
    },
    async leave(user, socketId, lost) {
      const state = world.user(user);
      const socket = socketOf(state, socketId);
      if (socket === undefined) return;
      const now = Date.now();
      const { record, confirmed } = socket;
      const kept = lost === true ? confirmed && { ...confirmed, shown: [] } : lost && { ...lost, unserved: false };
      const { browser } = (lost !== true && lost?.as) || record;
      state.sockets = without(state, socket);
      state.lost?.delete(takenBy(socketId));
      if (kept) {
        const kind = kept.unserved ? 'unserved' : 'served';
        state.lost ??= new Map();
        state.lost.set(socketId, { browser, cursor: kept.cursor, shown: kept.shown, at: now, kind });
      }
      for (const [id, { at, browser: names }] of state.lost ?? []) {
        const life = isUnclear(names) ? UNCLEAR_FOR : world.inboxTtl;
        if (at < now - life) state.lost?.delete(id);
      }
      if (state.sockets.length > 0) return;
      state.lastSeen = now;
      scheduleOffline(user, state);
    },
    async waits(user, socketId) {
      const socket = socketOf(world.user(user), socketId);
      if (socket?.confirmed?.unserved) socket.confirmed = undefined;
    },
    async confirm(confirmed) {
      for (const { user, socketId, cursor } of confirmed) {
        const socket = socketOf(world.peek(user), socketId);
        if (socket !== undefined) socket.confirmed = { cursor, unserved: false };
      }
    },
    async reclaim(user, browser, socketId) {
      const state = world.user(user);
      const { lost } = state;
      if (lost === undefined || lost.size === 0) return undefined;
      const now = Date.now();
      const before = lost.get(takenBy(socketId));
      if (before !== undefined) return { cursor: before.cursor, shown: before.shown };
      const free = [...lost].flatMap(([id, one]) => (one.kind === 'taken' ? [] : [{ ...one, kind: one.kind, id }]));
      const chosen = chooseLost(free, browser, now);
      const used = chosen && lost.get(chosen.used);
      const socket = socketOf(state, socketId);
      if (chosen === undefined || used === undefined || socket === undefined) return undefined;
      const { kept, alsoUsed, rest } = chosen;
      for (const id of [chosen.used, ...alsoUsed]) lost.delete(id);
      for (const { id, ...one } of rest) lost.set(id, one);
      const kind = alsoUsed.length > 0 ? 'lent' : 'taken';
      lost.set(takenBy(socketId), { browser: used.browser, ...kept, at: now, kind });
      socket.confirmed = { cursor: kept.cursor, unserved: false };
      return kept;
    },
    async lend(user, socketId) {
      const lost = world.peek(user)?.lost;
      const taken = lost?.get(takenBy(socketId));
      if (taken !== undefined) lost?.set(takenBy(socketId), { ...taken, kind: 'lent' });
    },
    async sockets(user) {
      return recordsOf(world.peek(user));
    },
    async confirmed(user) {
      const all = world.peek(user)?.sockets ?? [];
      return new Map(
        all.flatMap(({ record, confirmed }) =>
          confirmed === undefined || confirmed.unserved ? [] : [[record.id, confirmed.cursor] as const],
        ),
      );
    },
    lookup: async (users) =>
      users.map((user) => {
        const state = world.peek(user);
        return { sockets: state?.sockets.length ?? 0, lastSeen: state?.lastSeen };
      }),
    async watch(user) {
      const state = world.user(user);
      state.watchers = new Set([...state.watchers, replica]);
    },
    async unwatch(user) {
      const state = world.peek(user);
      if (state !== undefined) state.watchers = new Set([...state.watchers].filter((id) => id !== replica));
    },
  };
}

function recordsOf(state: UserState | undefined): SocketRecord[] {
  return state === undefined ? [] : state.sockets.map(({ record }) => record);
}

function socketOf(state: UserState | undefined, id: string): PresentSocket | undefined {
  return state?.sockets.find(({ record }) => record.id === id);
}

function without({ sockets }: UserState, one: PresentSocket | undefined): readonly PresentSocket[] {
  return sockets.filter((other) => other !== one);
}

const takenBy = (socketId: string) => `~${socketId}`;
