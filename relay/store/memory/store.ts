import { randomUUID } from 'node:crypto';
import { setTimeout as after } from 'node:timers/promises';
import { type ReportingStore, storeFigures } from '../figures.js';
import type { Health, Routes } from '../store.js';
import { createMemoryInbox } from './inbox.js';
import { createMemoryPresence } from './presence.js';
import { createMemoryConversations, createMemoryDevices, createMemoryPairs } from './relations.js';
import type { World } from './world.js';

const ANSWER_WITHIN = 2_500;
const HEALTH: Health = { up: true, reason: 'in memory', probeSeconds: 0 };

/** The state of one process, kept in it. */
export function createMemoryStore(world: World): ReportingStore {
  const replica = randomUUID();
  const routes: Routes = {
    replicas: async () =>
      [...world.replicas].map(([id, { since, events }]) => ({ id, since, self: id === replica, load: events.load() })),
    async ask(id, question) {
      const answer = world.replicas.get(id)?.events.onQuestion(question);
      return Promise.race([answer, after(ANSWER_WITHIN, undefined, { ref: false })]);
    },
    health: () => HEALTH,
  };

  return {
    replica,
    inbox: createMemoryInbox(world, replica),
    presence: createMemoryPresence(world, replica),
    routes,
    conversations: createMemoryConversations(world, replica),
    devices: createMemoryDevices(world),
    pairs: createMemoryPairs(world),
    figures: async () => storeFigures('memory', HEALTH, null),
    async open(events) {
      world.replicas.set(replica, { since: Date.now(), events });
    },
    async close() {
      world.replicas.delete(replica);
      if (world.replicas.size === 0) world.close();
    },
  };
}
