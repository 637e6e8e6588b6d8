import type { Logger } from 'pino';
import { cursorOf } from '../store/cursor.js';
import { persevere } from '../store/persevere.js';
import type { Inbox, InboxEntry, InboxPage, Position } from '../store/store.js';
import type { HubEvents } from './hub.js';
import type { Outlet } from './outlet.js';
import type { Writing } from './writing.js';

/**
 * Serves an outlet once more from an older place, up to `outlet.start`; what is not there any more is told as a gap.
 * Resolves when nothing more is written.
 */
export type Rewind = (outlet: Outlet, from: Position) => Promise<void>;

export interface RewindOptions {
  readonly inbox: Inbox;
  readonly events: Pick<HubEvents, 'pingBehind' | 'onGap'>;
  readonly writing: Writing;
  /** Of a user that this replica holds. */
  readonly epochOf: (user: string) => string | undefined;
  readonly log: Logger;
}

const PAGE = 200;

/** One after the other for each outlet, beside what comes live meanwhile. */
export function createRewind({ inbox, events, writing, epochOf, log }: RewindOptions): Rewind {
  const running = new Map<Outlet, Promise<void>>();

  function read(outlet: Outlet, after: number, limit: number): Promise<InboxPage | undefined> {
    const { user } = outlet;
    const onAway = (error: unknown) => log.debug({ user, err: error }, 'replay interrupted, trying again');
    return persevere(() => inbox.read(user, after, limit), { over: () => outlet.closed, onAway });
  }

  /** @returns whether all of it was written, and is still of the epoch that counts */
  async function writeEach(outlet: Outlet, epoch: string, entries: readonly InboxEntry[]): Promise<boolean> {
    for (const entry of entries) {
      writing.write(outlet, epoch, entry.seq, entry, true);
      outlet.owed = entry.seq;
      // each by itself, as in every replay: all of it may be more than may be queued
      await outlet.pipe.drained();
      if (outlet.closed || epochOf(outlet.user) !== epoch) return false;
    }
    return true;
  }

  async function write(outlet: Outlet, { epoch, seq: from }: Position): Promise<void> {
    const until = outlet.start;
    const current = epochOf(outlet.user);
    if (current === undefined || outlet.closed) return;
    if (current !== epoch) return tellGap(outlet, { epoch: current, seq: outlet.position });
    if (from >= until) return;
    outlet.start = from;
    // what is on its way to be confirmed does not cover what is written now
    Object.assign(outlet, {
      confirmed: Math.min(outlet.confirmed, from),
      generation: outlet.generation + 1,
      owed: from,
    });
    for (let after = from; after < until; ) {
      const page = await read(outlet, after, Math.min(PAGE, until - after));
      if (page === undefined || page.epoch !== epoch || epochOf(outlet.user) !== epoch) return;
      if (page.floor > after) tellGap(outlet, { epoch, seq: page.floor });
      const due = page.entries.filter(({ seq }) => seq <= until);
      if (!(await writeEach(outlet, epoch, due))) return;
      after = due.at(-1)?.seq ?? until;
    }
    outlet.owed = undefined;
    // what came live meanwhile could not be confirmed before this
    events.pingBehind(outlet, true);
  }

  function tellGap(outlet: Outlet, place: Position): void {
    log.debug({ user: outlet.user, cursor: cursorOf(place) }, 'the inbox no longer reaches back');
    events.onGap(outlet, place);
  }

  async function start(outlet: Outlet, from: Position): Promise<void> {
    try {
      await write(outlet, from);
    } catch (error) {
      log.error({ user: outlet.user, err: error }, 'a replay was not finished');
    }
  }

  return (outlet, from) => {
    const before = running.get(outlet);
    const done = (before === undefined ? start(outlet, from) : before.then(() => start(outlet, from))).finally(() => {
      if (running.get(outlet) === done) running.delete(outlet);
    });
    running.set(outlet, done);
    return done;
  };
}
