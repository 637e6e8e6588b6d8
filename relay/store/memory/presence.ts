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
        state.lastSeen = undefined;
        if (!state.announced || others.length === 0) announce(user, state, true);
      }
      return {
        epoch: state.epoch,
        seq: state.seq,
        floor: state.seq - state.entries.length,
        refused,
        siblings: others.filter((other) => other.browser.some((name) => socket.browser.includes(name))),
      };
    },
    async leave(user, socketId, lost) {
      const state = world.user(user);
      const socket = state.sockets.get(socketId);
      if (socket === undefined) return;
      const now = Date.now();
      state.sockets.delete(socketId);
      state.confirmed.delete(socketId);
      if (lost !== undefined) state.lost.set(socketId, { browser: socket.browser, cursor: lost, at: now });
      for (const [id, { at }] of state.lost) if (at < now - world.inboxTtl) state.lost.delete(id);
      if (state.sockets.size > 0) return;
      state.lastSeen = now;
      scheduleOffline(user, state);
    },
    async confirm(confirmed) {
      for (const { user, socketId, cursor } of confirmed) {
        const state = world.peek(user);
        if (state?.sockets.has(socketId)) state.confirmed.set(socketId, cursor);
      }
    },
    async reclaim(user, browser, socketId) {
      const state = world.user(user);
      const chosen = chooseLost(
        [...state.lost].map(([id, lost]) => ({ id, ...lost })),
        browser,
      );
      if (chosen === undefined) return undefined;
      state.confirmed.set(socketId, chosen.cursor);
      state.lost.delete(chosen.used);
      return chosen.cursor;
    },
    async sockets(user) {
      const state = world.peek(user);
      return [...(state?.sockets.values() ?? [])].map((s) => ({ ...s, confirmed: state?.confirmed.get(s.id) }));
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
