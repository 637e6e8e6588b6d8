import type { Conversations, Devices, Pairs, Said } from '../store.js';
import { PAIR_WINDOW } from '../store.js';
import type { Pairing, Waiting, World } from './world.js';

export function createMemoryConversations(world: World, replica: string): Conversations {
  return {
    members: async (conversation) => world.conversations.get(conversation),
    async learn(conversation, members) {
      const before = world.conversations.get(conversation)?.members ?? [];
      world.conversations.set(conversation, members);
      for (const user of before) world.conversationsOf.get(user)?.delete(conversation);
      for (const user of members.members) {
        const known = world.conversationsOf.get(user) ?? new Set();
        world.conversationsOf.set(user, known.add(conversation));
      }
      for (const [id, { events }] of world.replicas) if (id !== replica) events.onMembers(conversation);
    },
    of: async (users) =>
      users.map((user) => {
        const known = world.conversationsOf.get(user) ?? new Set<string>();
        for (const id of known) if (world.conversations.get(id) === undefined) known.delete(id);
        if (known.size === 0) world.conversationsOf.delete(user);
        return known;
      }),
  };
}

export function createMemoryDevices(world: World): Devices {
  return {
    user: async (device) => world.devices.get(device),
    async bind(device, user) {
      world.devices.set(device, user);
    },
  };
}

/** How many emits or notifies of one sender wait for their other half; older ones are given up. */
const WAITING_LIMIT = 200;

export function createMemoryPairs(world: World): Pairs {
  function pairing(sender: string): Pairing {
    const found = world.pairings.get(sender) ?? { emits: [], notifies: [], completed: new Map<string, string>() };
    world.pairings.set(sender, found);
    return found;
  }

  /** Takes the first that says the same out of `waiting`, or puts `said` where its own kind waits. */
  function meet(said: Said, waiting: Waiting[], own: Waiting[]): string | undefined {
    const oldest = Date.now() - PAIR_WINDOW;
    for (const halves of [waiting, own]) while ((halves[0]?.at ?? oldest) < oldest) halves.shift();
    const place = waiting.findIndex((other) => saysTheSame(other, said));
    if (place >= 0) return waiting.splice(place, 1)[0]?.id;
    own.push({ ...said, at: Date.now() });
    if (own.length > WAITING_LIMIT) own.shift();
    return undefined;
  }

  return {
    async emit(sender, said) {
      const { emits, notifies } = pairing(sender);
      const id = meet(said, notifies, emits);
      return { id: id ?? said.id, first: id === undefined };
    },
    async notify(sender, said) {
      const { emits, notifies, completed } = pairing(sender);
      const told = completed.get(said.id);
      if (told !== undefined) return told || undefined;
      const id = meet(said, emits, notifies);
      completed.set(said.id, id ?? '');
      for (const oldest of completed.keys()) if (completed.size > WAITING_LIMIT) completed.delete(oldest);
      return id;
    },
  };
}

/** A `client` in both decides; else text and conversation, where both name one. */
function saysTheSame(a: Said, b: Said): boolean {
  if (a.client !== '' && b.client !== '') return a.client === b.client;
  return a.text === b.text && (a.conversation === '' || b.conversation === '' || a.conversation === b.conversation);
}
