import { persevere } from '../store/persevere.js';
import { OFFLINE_AFTER, type Presence } from '../store/store.js';

/** Comings and goings that could not be heard: while the store was away, or since it came back empty. */
export interface Missed {
  /** Something was heard of this user: newer than what a look-up under way will find. */
  heard(user: string): void;
  /**
   * The store came back: tells it once more whom this replica watches, and some seconds later looks at who of them is
   * here. A store that is empty knows nothing of those who left meanwhile, so that nobody else would say it.
   */
  restore(): Promise<void>;
}

export interface MissedOptions {
  readonly presence: Presence;
  /** By user. */
  readonly watched: ReadonlyMap<string, unknown>;
  /** What a watched user's state is now; whoever was told so before need not be told. */
  readonly found: (user: string, online: boolean, lastSeen: number | undefined) => void;
}

/** How many users are looked at together. */
const SLICE = 200;
/**
 * When to look, milliseconds: as long after as a reload may take, and what other replicas may need to notice that the
 * store is back, at most a beat of theirs (store/redis/leases.ts), and to announce their sockets.
 */
const LOOK_AFTER = OFFLINE_AFTER * 1000 + 3_000;
/** One who left less than this ago is still to be announced, or has just been: milliseconds. */
const ANNOUNCED_BY_NOW = 2 * OFFLINE_AFTER * 1000;

export function createMissed({ presence, watched, found }: MissedOptions): Missed {
  let turn = 0;
  let looking: NodeJS.Timeout | undefined;
  /** Who was heard of during a look-up. */
  let meanwhile: Set<string> | undefined;

  /** For all that are watched, a slice after the other; given up when the store came back once more. */
  async function inSlices(mine: number, task: (users: readonly string[]) => Promise<unknown>): Promise<void> {
    const users = [...watched.keys()];
    for (let index = 0; index < users.length; index += SLICE) {
      // some may not be watched any more, and a replica that stops watches nobody
      const slice = () => users.slice(index, index + SLICE).filter((user) => watched.has(user));
      const over = () => turn !== mine || slice().length === 0;
      await persevere(() => task(slice()), { over, onAway: () => undefined });
    }
  }

  async function look(users: readonly string[]): Promise<void> {
    const news = new Set<string>();
    meanwhile = news;
    const states = await presence.lookup(users).finally(() => {
      meanwhile = undefined;
    });
    for (const [index, { sockets, lastSeen }] of states.entries()) {
      const user = users[index];
      if (user === undefined || news.has(user)) continue;
      const leaving = sockets === 0 && lastSeen !== undefined && Date.now() - lastSeen < ANNOUNCED_BY_NOW;
      if (!leaving) found(user, sockets > 0, lastSeen);
    }
  }

  return {
    heard: (user) => void meanwhile?.add(user),
    async restore() {
      turn += 1;
      const mine = turn;
      clearTimeout(looking);
      await inSlices(mine, (users) => Promise.all(users.map((user) => presence.watch(user))));
      if (turn === mine) looking = setTimeout(() => void inSlices(mine, look), LOOK_AFTER).unref();
    },
  };
}
