import { sameBrowser } from '../browser.js';
import { cursorOf } from '../cursor.js';
import { newEpoch } from '../epoch.js';
import { chooseLost } from '../lost.js';
import { OFFLINE_AFTER, type Presence } from '../store.js';
import { trim } from './inbox.js';
import type { UserState, World } from './world.js';

export function createMemoryPresence(world: World, replica: string): Presence {
  function announce(user: string, state: UserState, online: boolean): void {
    state.announced = online;
    for (const id of state.watchers) world.replicas.get(id)?.events.onPresence(user, online, state.lastSeen);
  }

  function scheduleOffline(user: string, state: UserState): void {
    clearTimeout(state.offlineTimer);
    state.offlineTimer = setTimeout(() => {
      if (state.sockets.size === 0 && state.announced) announce(user, state, false);
    }, OFFLINE_AFTER * 1000);
  }

  return {
    async join(user, socket, { limit, seen }) {
      const state = world.user(user);
      trim(state, world);
      if (seen?.epoch === state.epoch && seen.seq > state.seq)
        Object.assign(state, { epoch: newEpoch(), seq: 0, entries: [] });
      const others = [...state.sockets.values()].filter((other) => other.id !== socket.id);
      const refused = limit > 0 && others.length >= limit;
      if (!refused) {
        clearTimeout(state.offlineTimer);
        state.sockets.set(socket.id, socket);
        state.lost.delete(socket.id);
        if (!state.confirmed.has(socket.id)) {
          state.confirmed.set(socket.id, { cursor: cursorOf(state), unserved: true });
        }
        state.lastSeen = undefined;
        if (!state.announced || others.length === 0) announce(user, state, true);
      }
      return {
        epoch: state.epoch,
        seq: state.seq,
        floor: state.seq - state.entries.length,
        refused,
        siblings: others.filter((other) => sameBrowser(other.browser, socket.browser)),
      };
    },
    async leave(user, socketId, lost) {
      const state = world.user(user);
      const socket = state.sockets.get(socketId);
      if (socket === undefined) return;
      const now = Date.now();
      const known = state.confirmed.get(socketId);
      const kept = lost === true ? known && { ...known, shown: [] } : lost && { ...lost, unserved: false };
      state.sockets.delete(socketId);
      state.confirmed.delete(socketId);
      state.lost.delete(takenBy(socketId));
      if (kept) {
        const kind = kept.unserved ? 'unserved' : 'served';
        state.lost.set(socketId, { browser: socket.browser, cursor: kept.cursor, shown: kept.shown, at: now, kind });
      }
      for (const [id, { at }] of state.lost) if (at < now - world.inboxTtl) state.lost.delete(id);
      if (state.sockets.size > 0) return;
      state.lastSeen = now;
      scheduleOffline(user, state);
    },
    async waits(user, socketId) {
      const { confirmed } = world.user(user);
      if (confirmed.get(socketId)?.unserved) confirmed.delete(socketId);
    },
    async confirm(confirmed) {
      for (const { user, socketId, cursor } of confirmed) {
        const state = world.peek(user);
        if (state?.sockets.has(socketId)) state.confirmed.set(socketId, { cursor, unserved: false });
      }
    },
    async reclaim(user, browser, socketId) {
      const state = world.user(user);
      if (state.lost.size === 0) return undefined;
      const now = Date.now();
      const before = state.lost.get(takenBy(socketId));
      if (before !== undefined) return { cursor: before.cursor, shown: before.shown };
      const free = [...state.lost].flatMap(([id, lost]) =>
        lost.kind === 'taken' ? [] : [{ ...lost, kind: lost.kind, id }],
      );
      const chosen = chooseLost(free, browser, now);
      const used = chosen && state.lost.get(chosen.used);
      if (chosen === undefined || used === undefined || !state.sockets.has(socketId)) return undefined;
      const { kept, alsoUsed, rest } = chosen;
      for (const id of [chosen.used, ...alsoUsed]) state.lost.delete(id);
      for (const { id, ...lost } of rest) state.lost.set(id, lost);
      const kind = alsoUsed.length > 0 ? 'lent' : 'taken';
      state.lost.set(takenBy(socketId), { browser: used.browser, ...kept, at: now, kind });
      state.confirmed.set(socketId, { cursor: kept.cursor, unserved: false });
      return kept;
    },
    async lend(user, socketId) {
      const lost = world.peek(user)?.lost;
      const taken = lost?.get(takenBy(socketId));
      if (taken !== undefined) lost?.set(takenBy(socketId), { ...taken, kind: 'lent' });
    },
    async sockets(user) {
      return [...(world.peek(user)?.sockets.values() ?? [])];
    },
    async confirmed(user) {
      const all = [...(world.peek(user)?.confirmed ?? [])];
      return new Map(all.flatMap(([id, { cursor, unserved }]) => (unserved ? [] : [[id, cursor] as const])));
    },
    lookup: async (users) =>
      users.map((user) => {
        const state = world.peek(user);
        return { sockets: state?.sockets.size ?? 0, lastSeen: state?.lastSeen };
      }),
    async watch(user) {
      world.user(user).watchers.add(replica);
    },
    async unwatch(user) {
      world.peek(user)?.watchers.delete(replica);
    },
  };
}

const takenBy = (socketId: string) => `~${socketId}`;
