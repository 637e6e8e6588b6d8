import type { Random } from './seed.js';

/** One tab of one browser of one user. */
export interface Place {
  readonly tab: string;
  readonly user: string;
  /** Tabs of one browser share its cookies and lose the network together. */
  readonly browser: string;
}

export interface Population {
  readonly places: readonly Place[];
  /** The users of each conversation. */
  readonly conversations: readonly (readonly string[])[];
}

const CONVERSATION_SIZE = 6;

/**
 * Of ten tabs, one is a second tab of a browser and one is a second browser of a user. Every user is in two
 * conversations, so that the order across conversations is seen too.
 */
export function populate(tabs: number, random: Random): Population {
  const places = Array.from({ length: tabs }, (_, index): Place => {
    const role = index % 10;
    const user = String(1_000 + (role < 8 ? index : index - role));
    return { tab: `tab-${index}`, user, browser: role === 9 ? `second-of-${user}` : `browser-of-${user}` };
  });
  const users = [...new Set(places.map(({ user }) => user))];
  return { places, conversations: [0, 1].flatMap(() => groups(random.shuffled(users))) };
}

function groups(users: readonly string[]): string[][] {
  const count = Math.max(1, Math.floor(users.length / CONVERSATION_SIZE));
  return Array.from({ length: count }, (_, group) => users.filter((_user, index) => index % count === group));
}
