import type { Logger } from 'pino';
import { RelayError } from '../errors.js';
import { unclear } from '../store/browser.js';
import { cursorOf } from '../store/cursor.js';
import type { Joined, Left, Presence, Routes, SocketRecord } from '../store/store.js';
import type { Confirmer } from './confirm.js';
import { type Continuing, createContinuing, inheritFrom } from './continuing.js';
import type { Hub } from './hub.js';
import { createJoining, type Joining } from './joining.js';
import { createLeaving } from './leaving.js';
import type { Ending, Outlet } from './outlet.js';
import { type Attached, reached, resumeFrom } from './resuming.js';
import { createSiblings, type Siblings } from './siblings.js';

export interface Attaching
  extends Pick<Siblings, 'answersHere' | 'takenForDead'>,
    Pick<Continuing, 'recognise' | 'spoke'>,
    Pick<Joining, 'revise' | 'away' | 'restore' | 'joinAgain'> {
  /**
   * Makes a socket part of its user: joined in the store, and told from where it will be served. `tell` is called
   * before the first message is written. Waits for a store that is away.
   * @throws RelayError `too_many_connections`
   */
  attach(outlet: Outlet, cursor: string | undefined, tell: (attached: Attached) => void): Promise<void>;
  /**
   * Whether the user may have one more socket, here. What a lost network left behind of the same browser does not count:
   * nobody refused comes back by himself. @throws RelayError `too_many_connections`
   */
  admit(user: string, browser: readonly string[], replica: string): Promise<void>;
  /** A registered socket registers again: with a cursor, what it has not been sent since is replayed. */
  resume(outlet: Outlet, cursor: string | undefined, tell: (attached: Attached) => void): Promise<void>;
  /** Takes the socket out. Unless it went cleanly, its browser may come back for what it has not confirmed. */
  detach(outlet: Outlet, ending: Ending): void;
  /** Resolves when the store has heard of everyone who left. */
  idle(): Promise<void>;
}

export interface AttachingOptions {
  readonly hub: Hub;
  readonly presence: Presence;
  readonly routes: Routes;
  readonly confirmer: Confirmer;
  readonly log: Logger;
  /** Sockets a user may have, 0 for any number. */
  readonly limit: number;
}

export function createAttaching({ hub, presence, routes, confirmer, log, limit }: AttachingOptions): Attaching {
  const lose = (outlet: Outlet) => detach(outlet, 'lost');
  const leaving = createLeaving(presence, log);
  const joining = createJoining({ hub, presence, leaving, log, limit });
  const siblings = createSiblings({ hub, presence, routes, confirmer, leaving, log, lose });
  const continuing = createContinuing({ hub, presence, confirmer, joining, siblings, log });
  const { whenThere } = joining;

  async function joinAmongLiving(outlet: Outlet): Promise<Joined> {
    const joined = await joining.join(outlet);
    if (!joined.refused) return joined;
    const { browser, replica } = outlet.record;
    await siblings.retireDead(outlet.user, browser, replica);
    return joining.join(outlet);
  }

  /** While the store is away nobody can be counted; who is let in too much is refused on joining. */
  async function isFull(user: string): Promise<boolean> {
    if (limit === 0) return false;
    const [found] = await presence.lookup([user]).catch(() => []);
    return found !== undefined && found.sockets >= limit;
  }

  function begin(outlet: Outlet, joined: Joined, from: number): void {
    hub.settle(outlet, joined, from);
    const later = joining.joinedAgain(outlet);
    if (later !== undefined) hub.reach(outlet.user, later);
    void joining.confirm(outlet, joined);
  }

  function leave({ user, record }: Outlet, lost: Left | true | undefined): void {
    leaving.leave(user, record.id, lost);
  }

  function detach(outlet: Outlet, ending: Ending): void {
    if (outlet.closed) return;
    const epoch = hub.seen(outlet.user)?.epoch;
    // while it is attached, nobody knows yet what it has to lose
    outlet.lost = ending === 'lost' || (ending === 'unclear' && !outlet.settled);
    hub.remove(outlet);
    confirmer.detach(outlet);
    // one that is still being attached is taken out by whoever attaches it
    if (!outlet.settled) return;
    const shown = confirmedEarly(outlet);
    const kept = epoch && { cursor: cursorOf({ epoch, seq: outlet.confirmed }), shown };
    if (ending === 'clean' || !kept) leave(outlet, undefined);
    else leave(outlet, ending === 'lost' ? kept : { ...kept, as: unclearly(outlet.record) });
  }

  return {
    async attach(outlet, cursor, tell) {
      hub.add(outlet);
      confirmer.attach(outlet);
      const joined = await whenThere(outlet, () => joinAmongLiving(outlet));
      if (joined?.refused) {
        hub.remove(outlet);
        throw tooMany(limit);
      }
      const former = joined && (await whenThere(outlet, () => siblings.inherit(outlet, joined)));
      // from where its tab is to be continued, the store knows best: it may have inherited and not been told
      if (joined === undefined || outlet.closed) return leave(outlet, outlet.lost ? true : undefined);
      inheritFrom(outlet, former);
      const { attached, from } = resumeFrom(joined, cursor ?? former?.cursor);
      outlet.recovered = attached.recovered;
      tell(attached);
      begin(outlet, joined, from);
      if (joined.mayContinue && cursor === undefined && former === undefined) {
        continuing
          .continueSilent(outlet, joined)
          .catch((error: unknown) => log.debug({ err: error }, 'a silent page was not continued'));
      }
    },
    async admit(user, browser, replica) {
      if (!(await isFull(user))) return;
      await siblings.retireDead(user, browser, replica).catch(() => log.debug({ user }, 'nobody was taken out'));
      if (await isFull(user)) throw tooMany(limit);
    },
    async resume(outlet, cursor, tell) {
      const joined = await whenThere(outlet, () => joining.join(outlet));
      if (joined === undefined) return;
      const head = cursorOf({ epoch: joined.epoch, seq: outlet.position });
      if (cursor === undefined) return tell({ cursor: head, recovered: outlet.recovered, replayed: 0 });
      const from = reached(outlet, joined, cursor);
      const replayed = from === undefined ? 0 : Math.max(0, outlet.start - from);
      tell({ cursor: from === undefined ? head : cursor, recovered: from !== undefined, replayed });
      if (from !== undefined && replayed > 0) void hub.rewind(outlet, { epoch: joined.epoch, seq: from });
    },
    recognise: continuing.recognise,
    spoke: continuing.spoke,
    revise: joining.revise,
    detach,
    answersHere: siblings.answersHere,
    takenForDead: siblings.takenForDead,
    idle: leaving.idle,
    away: joining.away,
    restore: joining.restore,
    joinAgain: joining.joinAgain,
  };
}

function unclearly(record: SocketRecord): SocketRecord {
  return { ...record, browser: unclear(record.browser) };
}

/** What was shown while the store was away, and taken by the client. */
function confirmedEarly({ early, confirmedEarly: count }: Outlet): readonly string[] {
  return [...early].flatMap(([key, number]) => (number <= count ? [key] : []));
}

function tooMany(limit: number): RelayError {
  return new RelayError('too_many_connections', `a user may have ${limit} sockets`, { extra: { scope: 'user' } });
}
