import type { Logger } from 'pino';
import type { RelayError } from '../errors.js';
import { cursorOf } from '../store/cursor.js';
import { persevere } from '../store/persevere.js';
import type { Joined, Presence, Seen } from '../store/store.js';
import type { Hub } from './hub.js';
import type { Leaving } from './leaving.js';
import type { Outlet } from './outlet.js';

/** What the store knows of the sockets here: each joins it, and all join again when it was away. */
export interface Joining {
  /** Adds or renews it. Rejects while the store is away. */
  join(outlet: Outlet): Promise<Joined>;
  /** Its record has changed. A store that is away gets it with all others when it is back. */
  revise(outlet: Outlet): void;
  /** Tells the store at once up to where it has confirmed. */
  confirm(outlet: Outlet, joined: Joined): Promise<void>;
  /** Attempts until the store is there; `undefined` when the outlet is closed before. */
  whenThere<T>(outlet: Outlet, attempt: () => Promise<T>): Promise<T | undefined>;
  /** Where the store stood when the outlet, that had not been served yet, joined it again. */
  joinedAgain(outlet: Outlet): Joined | undefined;
  /** The store is away: notes how far the users here have come. */
  away(): void;
  /** The store came back: everything that should be in it is put there again. */
  restore(): Promise<void>;
  /** Has the sockets of one user join again, as after an outage. */
  joinAgain(user: string): Promise<void>;
}

export interface JoiningOptions {
  readonly hub: Hub;
  readonly presence: Presence;
  readonly leaving: Leaving;
  readonly log: Logger;
  /** Sockets a user may have, 0 for any number. */
  readonly limit: number;
}

/** How many sockets are announced at once after an outage. */
const CHUNK = 200;

export function createJoining({ hub, presence, leaving, log, limit }: JoiningOptions): Joining {
  /** Of those that the store went away under while they were attached: how far it had come when it was back. */
  const again = new WeakMap<Outlet, Joined>();
  /** What came while the store was on its way back says nothing of what it has lost. */
  let seenBefore: ReadonlyMap<string, Seen | undefined> = new Map();

  async function whenThere<T>(outlet: Outlet, attempt: () => Promise<T>): Promise<T | undefined> {
    const { user, record } = outlet;
    const onAway = (error: RelayError) => {
      outlet.waits = true;
      log.debug({ user, socket: record.id, err: error }, 'the store is away, registering later');
    };
    const found = await persevere(attempt, { over: () => outlet.closed, onAway });
    outlet.waits = false;
    return found;
  }

  /** One that was let in stays, also where a store that came back empty does not know it: refused, it would be deaf. */
  async function join(outlet: Outlet, before?: Seen): Promise<Joined> {
    const { user, record } = outlet;
    const seen = before ?? hub.seen(user);
    const options = { limit: outlet.letIn ? 0 : limit, ...(seen && { seen }) };
    let joined = await presence.join(user, record, options);
    // the store has lost a second time what it began anew after the first: whatever it holds is behind what was seen
    if (!joined.refused && hub.isOver(user, joined.epoch)) {
      const beyond = { epoch: joined.epoch, seq: Number.MAX_SAFE_INTEGER, at: seen?.at ?? 0 };
      joined = await presence.join(user, record, { ...options, seen: beyond });
    }
    // what it has become meanwhile may have come to the store first, where it was not there yet
    if (outlet.record !== record) revise(outlet);
    if (!joined.refused) outlet.letIn = true;
    return joined;
  }

  function revise({ user, record }: Outlet): void {
    presence
      .revise(user, record)
      .catch((error: unknown) => log.debug({ user, socket: record.id, err: error }, 'a changed record was not stored'));
  }

  /** It may have joined before the store began anew. */
  async function confirm({ user, record, confirmed }: Outlet, joined: Joined): Promise<void> {
    const cursor = cursorOf({ epoch: hub.seen(user)?.epoch ?? joined.epoch, seq: confirmed });
    await presence
      .confirm([{ user, socketId: record.id, cursor }])
      .catch((error: unknown) => log.debug({ err: error }, 'cursor not stored'));
  }

  async function rejoin(outlet: Outlet, before: Seen | undefined): Promise<void> {
    const joined = await join(outlet, before);
    // it is being attached, and told so there
    if (joined.refused) return;
    if (outlet.closed) return leaving.leave(outlet.user, outlet.record.id, undefined);
    if (!outlet.settled) again.set(outlet, joined);
    hub.reach(outlet.user, joined);
    if (outlet.settled) await confirm(outlet, joined);
  }

  async function rejoinAll(outlets: readonly Outlet[], before: (user: string) => Seen | undefined): Promise<void> {
    await Promise.all(outlets.map((outlet) => whenThere(outlet, () => rejoin(outlet, before(outlet.user)))));
  }

  return {
    join,
    revise,
    confirm,
    whenThere,
    joinedAgain: (outlet) => again.get(outlet),
    away() {
      seenBefore = new Map([...hub.users()].map((user) => [user, hub.seen(user)]));
    },
    async restore() {
      const before = seenBefore;
      seenBefore = new Map();
      await persevere(leaving.retell, { over: () => false, onAway: () => log.debug('leaves not stored yet') });
      const outlets = [...hub.users()].flatMap((user) => hub.outlets(user));
      for (let index = 0; index < outlets.length; index += CHUNK) {
        await rejoinAll(outlets.slice(index, index + CHUNK), (user) => before.get(user));
      }
    },
    joinAgain(user) {
      const before = hub.seen(user);
      return rejoinAll(hub.outlets(user), () => before);
    },
  };
}
