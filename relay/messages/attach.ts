import type { Logger } from 'pino';
import { RelayError } from '../errors.js';
import { cursorOf, parseCursor } from '../store/cursor.js';
import type { Joined, Presence, Routes, SocketRecord } from '../store/store.js';
import type { Confirmer } from './confirm.js';
import type { Hub } from './hub.js';
import type { Outlet } from './outlet.js';

/** What a socket is told when it is registered (CONTRACT section 4). */
export interface Attached {
  readonly cursor: string;
  readonly recovered: boolean | null;
  readonly replayed: number;
}

export interface Attaching {
  /**
   * Makes a socket part of its user: joined in the store, and told from where it will be served. `tell` is called
   * before the first message is written. Waits for a store that is away.
   * @throws RelayError `too_many_connections`
   */
  attach(outlet: Outlet, cursor: string | undefined, tell: (attached: Attached) => void): Promise<void>;
  /** Whether the user may have one more socket. @throws RelayError `too_many_connections` */
  admit(user: string): Promise<void>;
  /** A registered socket registers again: with a cursor, what it has not been sent since is replayed. */
  resume(outlet: Outlet, cursor: string | undefined, tell: (attached: Attached) => void): Promise<void>;
  /** The browser has become known under further names: what an earlier socket of it is owed is replayed. */
  recognise(outlet: Outlet): Promise<void>;
  /** Takes the socket out. `lost`: its browser may come back for what it has not confirmed. */
  detach(outlet: Outlet, lost: boolean): void;
  /** Whether a socket of ours is alive; one that does not answer is closed. */
  answersHere(user: string, socketId: string): Promise<boolean>;
  /** Resolves when the store has heard of everyone who left. */
  idle(): Promise<void>;
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

/** Between attempts while the store is away; and how long a sibling has to answer a ping, milliseconds. */
const RETRY = 500;
const ANSWER_WITHIN = 2_000;
/** How many sockets are announced at once after an outage. */
const CHUNK = 200;

export function createAttaching({ hub, presence, routes, confirmer, log, limit }: AttachingOptions): Attaching {
  /** Leaves that the store did not hear of, to be told when it is back. */
  const unheard = new Map<string, { user: string; cursor: string | undefined }>();

  const leaving = new Set<Promise<void>>();

  async function persevere<T>(outlet: Outlet, attempt: () => Promise<T>): Promise<T | undefined> {
    while (!outlet.closed) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof RelayError) || error.code !== 'store_unavailable') throw error;
        log.warn({ user: outlet.user, socket: outlet.record.id, err: error }, 'the store is away, registering later');
        await new Promise((resolve) => setTimeout(resolve, RETRY));
      }
    }
    return undefined;
  }

  function join(outlet: Outlet): Promise<Joined> {
    return presence.join(outlet.user, outlet.record, { limit, ...seenBy(outlet.user) });
  }

  /** From where the browser's earlier socket is to be continued: one that is gone, or does not answer any more. */
  async function inherited(outlet: Outlet, joined: Joined): Promise<string | undefined> {
    const { user, record } = outlet;
    if (record.browser.length === 0) return undefined;
    await Promise.all(joined.siblings.map((sibling) => retire(user, sibling)));
    return presence.reclaim(user, record.browser, record.id);
  }

  async function retire(user: string, sibling: SocketRecord): Promise<void> {
    const here = [...hub.outlets(user)].some((outlet) => outlet.record.id === sibling.id);
    const alive = here
      ? await answersHere(user, sibling.id)
      : await routes.ask(sibling.replica, { kind: 'answers', user, socket: sibling.id });
    if (alive === true) return;
    const known = (await presence.sockets(user)).find((socket) => socket.id === sibling.id);
    if (known !== undefined) await presence.leave(user, sibling.id, known.confirmed);
  }

  async function answersHere(user: string, socketId: string): Promise<boolean> {
    const outlet = [...hub.outlets(user)].find((candidate) => candidate.record.id === socketId);
    if (outlet === undefined) return false;
    if (await confirmer.answers(outlet, ANSWER_WITHIN)) return true;
    outlet.pipe.close('unresponsive');
    return false;
  }

  function leave(user: string, socketId: string, cursor: string | undefined): void {
    const left = presence
      .leave(user, socketId, cursor)
      .catch((error: unknown) => {
        log.debug({ user, socket: socketId, err: error }, 'leave not stored, kept for later');
        unheard.set(socketId, { user, cursor });
      })
      .finally(() => leaving.delete(left));
    leaving.add(left);
  }

  function begin(outlet: Outlet, joined: Joined, from: number): void {
    hub.settle(outlet, joined, from);
    if (from !== joined.seq) void confirmNow(outlet, joined.epoch, from);
  }

  async function confirmNow(outlet: Outlet, epoch: string, seq: number): Promise<void> {
    const confirmed = [{ user: outlet.user, socketId: outlet.record.id, cursor: cursorOf({ epoch, seq }) }];
    await presence.confirm(confirmed).catch((error: unknown) => log.debug({ err: error }, 'cursor not stored'));
  }

  async function rejoin(outlet: Outlet): Promise<void> {
    const joined = await presence.join(outlet.user, outlet.record, { limit: 0, ...seenBy(outlet.user) });
    if (outlet.closed) return leave(outlet.user, outlet.record.id, undefined);
    hub.reach(outlet.user, joined);
    await confirmNow(outlet, joined.epoch, outlet.confirmed);
  }

  function seenBy(user: string) {
    const seen = hub.seen(user);
    return seen === undefined ? {} : { seen };
  }

  return {
    async attach(outlet, cursor, tell) {
      hub.add(outlet);
      confirmer.attach(outlet);
      const joined = await persevere(outlet, () => join(outlet));
      if (joined === undefined) return leave(outlet.user, outlet.record.id, undefined);
      if (joined.refused) {
        hub.remove(outlet);
        throw tooMany(limit);
      }
      const former = await persevere(outlet, () => inherited(outlet, joined));
      if (outlet.closed) {
        return leave(outlet.user, outlet.record.id, outlet.lost ? (former ?? cursorOf(joined)) : undefined);
      }
      const { attached, from } = resumeFrom(joined, cursor ?? former);
      tell(attached);
      begin(outlet, joined, from);
    },
    async admit(user) {
      if (limit === 0) return;
      // while the store is away nobody can be counted; who is let in too much is refused on joining
      const [found] = await presence.lookup([user]).catch(() => []);
      if (found !== undefined && found.sockets >= limit) throw tooMany(limit);
    },
    async resume(outlet, cursor, tell) {
      const joined = await persevere(outlet, () => join(outlet));
      if (joined === undefined) return;
      const head = cursorOf({ epoch: joined.epoch, seq: outlet.position });
      if (cursor === undefined) return tell({ cursor: head, recovered: null, replayed: 0 });
      const from = reached(outlet, joined, cursor);
      const replayed = from === undefined ? 0 : Math.max(0, outlet.start - from);
      tell({ cursor: from === undefined ? head : cursor, recovered: from !== undefined, replayed });
      if (from !== undefined && replayed > 0) await hub.rewind(outlet, from);
    },
    async recognise(outlet) {
      const joined = await persevere(outlet, () => join(outlet));
      if (joined === undefined || !outlet.settled) return;
      const former = await persevere(outlet, () => inherited(outlet, joined));
      const from = former === undefined ? undefined : reached(outlet, joined, former);
      if (from !== undefined && from < outlet.start) await hub.rewind(outlet, from);
      await confirmNow(outlet, joined.epoch, outlet.confirmed);
    },
    detach(outlet, lost) {
      const epoch = hub.seen(outlet.user)?.epoch;
      outlet.lost = lost;
      hub.remove(outlet);
      // one that is still being attached is taken out by whoever attaches it, who knows what it inherited
      if (!outlet.settled) return;
      const cursor = lost && epoch !== undefined ? cursorOf({ epoch, seq: outlet.confirmed }) : undefined;
      leave(outlet.user, outlet.record.id, cursor);
    },
    answersHere,
    async idle() {
      await Promise.all(leaving);
    },
    async restore() {
      for (const [socketId, { user, cursor }] of unheard) {
        await presence.leave(user, socketId, cursor);
        unheard.delete(socketId);
      }
      const outlets = [...hub.users()].flatMap((user) => [...hub.outlets(user)]);
      for (let index = 0; index < outlets.length; index += CHUNK) {
        await Promise.all(outlets.slice(index, index + CHUNK).map(rejoin));
      }
    },
  };
}

function tooMany(limit: number): RelayError {
  return new RelayError('too_many_connections', `a user may have ${limit} sockets`, { extra: { scope: 'user' } });
}

/** The place of a cursor, if all after it was sent to the outlet or is still in the inbox. */
function reached(outlet: Outlet, joined: Joined, cursor: string): number | undefined {
  const asked = parseCursor(cursor);
  if (asked?.epoch !== joined.epoch || asked.seq > joined.seq) return undefined;
  return asked.seq >= Math.min(outlet.start, joined.floor) ? asked.seq : undefined;
}

function resumeFrom(joined: Joined, cursor: string | undefined): { attached: Attached; from: number } {
  const asked = parseCursor(cursor);
  const head = cursorOf(joined);
  if (cursor === undefined) return { attached: { cursor: head, recovered: null, replayed: 0 }, from: joined.seq };
  const reaches = asked?.epoch === joined.epoch && asked.seq <= joined.seq && asked.seq >= joined.floor;
  if (asked === undefined || !reaches) {
    return { attached: { cursor: head, recovered: false, replayed: 0 }, from: joined.seq };
  }
  return { attached: { cursor, recovered: true, replayed: joined.seq - asked.seq }, from: asked.seq };
}
