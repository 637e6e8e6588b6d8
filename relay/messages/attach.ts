import type { Logger } from 'pino';
import { RelayError } from '../errors.js';
import { unclear } from '../store/browser.js';
import { cursorOf, parseCursor } from '../store/cursor.js';
import { persevere } from '../store/persevere.js';
import type { Joined, Kept, Left, Presence, Routes, Seen, SocketRecord } from '../store/store.js';
import type { Confirmer } from './confirm.js';
import type { Hub } from './hub.js';
import { createLeaving } from './leaving.js';
import { type Ending, type Outlet, setEarly } from './outlet.js';
import { type Attached, reached, resumeFrom } from './resuming.js';
import { createSiblings, type Siblings } from './siblings.js';

export interface Attaching extends Pick<Siblings, 'answersHere' | 'takenForDead'> {
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
  /** The browser has become known under further names: what an earlier socket of it is owed is replayed. */
  recognise(outlet: Outlet): Promise<void>;
  /**
   * The page said by itself who it is: it was loaded just now, or does so at each connect. In the first case what its
   * socket has inherited is another tab's, which must find it too.
   */
  spoke(outlet: Outlet): void;
  /** Its record has changed. A store that is away gets it with all others when it is back. */
  revise(outlet: Outlet): void;
  /** Takes the socket out. Unless it went cleanly, its browser may come back for what it has not confirmed. */
  detach(outlet: Outlet, ending: Ending): void;
  /** Resolves when the store has heard of everyone who left. */
  idle(): Promise<void>;
  /** The store is away: notes how far the users here have come. */
  away(): void;
  /** The store came back: everything that should be in it is put there again. */
  restore(): Promise<void>;
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

/** How long a page has to answer that may go on where it was, milliseconds. */
const SILENT_WITHIN = 10_000;
/** How many sockets are announced at once after an outage. */
const CHUNK = 200;

export function createAttaching({ hub, presence, routes, confirmer, log, limit }: AttachingOptions): Attaching {
  const leaving = createLeaving(presence, log);
  const lose = (outlet: Outlet) => detach(outlet, 'lost');
  /** Of those that the store went away under while they were attached: how far it had come when it was back. */
  const joinedAgain = new WeakMap<Outlet, Joined>();
  /** What came while the store was on its way back says nothing of what it has lost. */
  let seenBefore: ReadonlyMap<string, Seen | undefined> = new Map();
  const siblings = createSiblings({ hub, presence, routes, confirmer, leaving, log, lose });

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

  async function joinAmongLiving(outlet: Outlet): Promise<Joined> {
    const joined = await join(outlet);
    if (!joined.refused) return joined;
    const { browser, replica } = outlet.record;
    await siblings.retireDead(outlet.user, browser, replica);
    return join(outlet);
  }

  /** While the store is away nobody can be counted; who is let in too much is refused on joining. */
  async function isFull(user: string): Promise<boolean> {
    if (limit === 0) return false;
    const [found] = await presence.lookup([user]).catch(() => []);
    return found !== undefined && found.sockets >= limit;
  }

  function revise({ user, record }: Outlet): void {
    presence
      .revise(user, record)
      .catch((error: unknown) => log.debug({ user, socket: record.id, err: error }, 'a changed record was not stored'));
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

  function begin(outlet: Outlet, joined: Joined, from: number): void {
    hub.settle(outlet, joined, from);
    const later = joinedAgain.get(outlet);
    if (later !== undefined) hub.reach(outlet.user, later);
    void confirmNow(outlet, joined);
  }

  /** It was registered before that was known: what it was not sent since is written now. */
  function continueFrom(outlet: Outlet, { cursor }: Kept): void {
    const from = parseCursor(cursor);
    if (from !== undefined) void hub.rewind(outlet, from);
  }

  /** It may have joined before the store began anew. */
  async function confirmNow({ user, record, confirmed }: Outlet, joined: Joined): Promise<void> {
    const cursor = cursorOf({ epoch: hub.seen(user)?.epoch ?? joined.epoch, seq: confirmed });
    await presence
      .confirm([{ user, socketId: record.id, cursor }])
      .catch((error: unknown) => log.debug({ err: error }, 'cursor not stored'));
  }

  /**
   * A page that is loaded says by itself who it is, and loads its history. One that is still silent when it has
   * answered a ping goes on where it was, also if it seemed to have gone.
   */
  async function continueSilent(outlet: Outlet, joined: Joined): Promise<void> {
    const { user, record } = outlet;
    const names = unclear(record.browser);
    if (names.length === 0 || !(await confirmer.answers(outlet, SILENT_WITHIN)) || outlet.spoke) return;
    const over = () => outlet.closed || outlet.spoke;
    const onAway = () => log.debug({ user, socket: record.id }, 'the store is away, continuing later');
    const former = await persevere(() => presence.reclaim(user, names, record.id), { over, onAway });
    if (former === undefined || outlet.closed) return;
    inheritFrom(outlet, former);
    // it spoke meanwhile: what was taken is another tab's
    if (outlet.spoke) return spoke(outlet);
    continueFrom(outlet, former);
    await confirmNow(outlet, joined);
  }

  function spoke(outlet: Outlet): void {
    outlet.spoke = true;
    if (!outlet.inherited || outlet.closed) return;
    outlet.inherited = false;
    presence
      .lend(outlet.user, outlet.record.id)
      .catch((error: unknown) => log.debug({ err: error }, 'an inherited cursor was not lent'));
  }

  async function rejoin(outlet: Outlet, before: Seen | undefined): Promise<void> {
    const joined = await join(outlet, before);
    // it is being attached, and told so there
    if (joined.refused) return;
    if (outlet.closed) return leave(outlet, undefined);
    if (!outlet.settled) joinedAgain.set(outlet, joined);
    hub.reach(outlet.user, joined);
    if (outlet.settled) await confirmNow(outlet, joined);
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
        continueSilent(outlet, joined).catch((error: unknown) =>
          log.debug({ err: error }, 'a silent page was not continued'),
        );
      }
    },
    async admit(user, browser, replica) {
      if (!(await isFull(user))) return;
      await siblings.retireDead(user, browser, replica).catch(() => log.debug({ user }, 'nobody was taken out'));
      if (await isFull(user)) throw tooMany(limit);
    },
    async resume(outlet, cursor, tell) {
      const joined = await whenThere(outlet, () => join(outlet));
      if (joined === undefined) return;
      const head = cursorOf({ epoch: joined.epoch, seq: outlet.position });
      if (cursor === undefined) return tell({ cursor: head, recovered: outlet.recovered, replayed: 0 });
      const from = reached(outlet, joined, cursor);
      const replayed = from === undefined ? 0 : Math.max(0, outlet.start - from);
      tell({ cursor: from === undefined ? head : cursor, recovered: from !== undefined, replayed });
      if (from !== undefined && replayed > 0) void hub.rewind(outlet, { epoch: joined.epoch, seq: from });
    },
    async recognise(outlet) {
      const joined = await whenThere(outlet, () => join(outlet));
      if (joined === undefined || !outlet.settled) return;
      const former = await whenThere(outlet, () => siblings.inherit(outlet, joined));
      const isNew = former !== undefined && former.cursor !== outlet.continued;
      inheritFrom(outlet, former);
      if (isNew) continueFrom(outlet, former);
      await confirmNow(outlet, joined);
    },
    spoke,
    revise,
    detach,
    answersHere: siblings.answersHere,
    takenForDead: siblings.takenForDead,
    idle: leaving.idle,
    away() {
      seenBefore = new Map([...hub.users()].map((user) => [user, hub.seen(user)]));
    },
    async restore() {
      const before = seenBefore;
      seenBefore = new Map();
      await persevere(leaving.retell, { over: () => false, onAway: () => log.debug('leaves not stored yet') });
      const outlets = [...hub.users()].flatMap((user) => hub.outlets(user));
      for (let index = 0; index < outlets.length; index += CHUNK) {
        const some = outlets.slice(index, index + CHUNK);
        await Promise.all(some.map((outlet) => whenThere(outlet, () => rejoin(outlet, before.get(outlet.user)))));
      }
    },
  };
}

function unclearly(record: SocketRecord): SocketRecord {
  return { ...record, browser: unclear(record.browser) };
}

/** What was shown while the store was away, and taken by the client. */
function confirmedEarly({ early, confirmedEarly: count }: Outlet): readonly string[] {
  return [...early].flatMap(([key, number]) => (number <= count ? [key] : []));
}

function inheritFrom(outlet: Outlet, former: Kept | undefined): void {
  outlet.inherited = former !== undefined;
  outlet.continued = former?.cursor ?? outlet.continued;
  for (const key of former?.shown ?? []) setEarly(outlet, key, 0);
}

function tooMany(limit: number): RelayError {
  return new RelayError('too_many_connections', `a user may have ${limit} sockets`, { extra: { scope: 'user' } });
}
