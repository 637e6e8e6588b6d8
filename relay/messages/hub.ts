import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { RecentSet } from '../store/recent-set.js';
import type { Inbox, InboxEntry, InboxPage, Message, Position, Seen } from '../store/store.js';
import { follow, isFork, type LocalUser, newLocalUser, recentKey, setAhead } from './local-user.js';
import type { Outlet } from './outlet.js';
import { packetOf } from './packet.js';
import { createRewind, type Rewind } from './rewind.js';
import { createWriting, type WritingEvents } from './writing.js';

/**
 * The users that this replica holds and how far each has been served. A user's messages are written in the order of
 * the inbox: what comes early waits, and what does not come is read there. That covers a late or lost publish, a
 * reconnected subscriber and two replicas that accept at the same moment with one rule.
 */
export interface Hub {
  /** Known from now on, served from `settle` on. */
  add(outlet: Outlet): void;
  remove(outlet: Outlet): void;
  /** Where this replica stands with a user, for the store to compare. */
  seen(user: string): Seen | undefined;
  /** Whether this replica has left the epoch for another one of the user. */
  isOver(user: string, epoch: string): boolean;
  /** The store knows the outlet: it is served from `from` on, which may lie in the past. */
  settle(outlet: Outlet, joined: Seen, from: number): void;
  readonly rewind: Rewind;
  /** A message with its place in the inbox; in any order, and maybe not for the first time. */
  receive(user: string, position: Position, message: Message): void;
  /** The inbox stands at `position`; whatever is missing is fetched. */
  reach(user: string, position: Position): void;
  /**
   * Shows a message that could not be stored, unless that was done or it took its place already, be it under the id
   * `alias`. It will come again, and then is skipped.
   */
  showEarly(user: string, message: Message, alias?: string): void;
  signal(user: string, message: Message): void;
  outlets(user: string): readonly Outlet[];
  users(): Iterable<string>;
}

export interface HubEvents extends WritingEvents {
  /** The inbox no longer reached back: messages are missing on this outlet. */
  onGap(outlet: Outlet, position: Position): void;
  /** The store has lost messages of the user that were seen here, and gives their numbers to others. */
  onFork(user: string): void;
}

/** How long a missing message may be on its way by publish before it is read from the inbox, milliseconds. */
const GRACE = 20;
/** Between attempts to read while the store is away, milliseconds. */
const RETRY = 500;
const PAGE = 200;
const NONE: readonly Outlet[] = [];

/**
 * @param recent messages that took their place: PHP, told 503 since another recipient's inbox could not be reached, comes
 * with them again within seconds. `undefined` for a store that is never away
 */
export function createHub(inbox: Inbox, events: HubEvents, log: Logger, recent: RecentSet | undefined): Hub {
  const users = new Map<string, LocalUser>();
  const writing = createWriting(events, recent);
  const rewind = createRewind({ inbox, events, writing, epochOf: (user) => users.get(user)?.epoch, log });

  function write(outlet: Outlet, local: LocalUser, seq: number, message: Message, replay: boolean): void {
    outlet.position = seq;
    writing.write(outlet, local.epoch ?? '', seq, message, replay);
  }

  /** The message is the next in its user's inbox. */
  function step(local: LocalUser, next: Message): void {
    local.seq += 1;
    local.at = next.at;
    local.ahead.delete(local.seq);
    recent?.add(recentKey(local.user, next));
    for (const outlet of local.outlets) {
      if (outlet.live && local.seq === outlet.position + 1) write(outlet, local, local.seq, next, false);
    }
  }

  function advance(local: LocalUser): void {
    while (local.ahead.size > 0) {
      const next = local.ahead.get(local.seq + 1);
      if (next === undefined) break;
      step(local, next);
    }
    if (local.known > local.seq || local.ahead.size > 0) heal(local);
  }

  function heal(local: LocalUser): void {
    if (local.healing) return;
    local.healing = true;
    setTimeout(() => fetchMissing(local).catch((error: unknown) => retryLater(local, error)), GRACE);
  }

  function retryLater(local: LocalUser, error: unknown): void {
    log.debug({ user: local.user, err: error }, 'inbox not read, trying again');
    setTimeout(() => {
      local.healing = false;
      if (users.get(local.user) === local) advance(local);
    }, RETRY);
  }

  /** `undefined` where another epoch counts than the one that was asked in. */
  async function read(local: LocalUser, after: number): Promise<InboxPage | undefined> {
    const { epoch } = local;
    const page = await inbox.read(local.user, after, PAGE);
    if (local.epoch !== epoch) return undefined;
    if (follow(local, page.epoch)) {
      local.known = Math.max(local.known, page.seq);
      return page.epoch === epoch ? page : undefined;
    }
    // the store fell back to what was seen of it before: soon it begins anew
    await pause(RETRY);
    return undefined;
  }

  async function fetchMissing(local: LocalUser): Promise<void> {
    while (users.get(local.user) === local && (local.known > local.seq || local.ahead.size > 0)) {
      const page = await read(local, local.seq);
      if (page === undefined) continue;
      take(local, page.floor, page.entries);
      for (const seq of local.ahead.keys()) if (seq <= local.seq) local.ahead.delete(seq);
      if (page.entries.length === 0 && page.seq <= local.seq) break;
    }
    local.healing = false;
  }

  function take(local: LocalUser, floor: number, entries: readonly InboxEntry[]): void {
    if (floor > local.seq) {
      local.seq = floor;
      local.at = 0;
      for (const outlet of local.outlets) if (outlet.live) skipTo(outlet, local, floor);
    }
    for (const entry of entries) if (entry.seq > local.seq) setAhead(local, entry.seq, entry);
    advance(local);
  }

  function skipTo(outlet: Outlet, local: LocalUser, floor: number): void {
    if (outlet.position >= floor) return;
    outlet.position = floor;
    outlet.start = floor;
    events.onGap(outlet, { epoch: local.epoch ?? '', seq: floor });
  }

  async function catchUp(outlet: Outlet, local: LocalUser): Promise<void> {
    while (!outlet.closed) {
      const page = await read(local, outlet.position);
      if (page === undefined) continue;
      const { epoch } = page;
      if (page.floor > outlet.position) skipTo(outlet, local, page.floor);
      for (const entry of page.entries) {
        if (entry.seq === outlet.position + 1) write(outlet, local, entry.seq, entry, true);
        // each by itself: what was missed may be more than may be queued, and that would end the socket, every time
        await outlet.pipe.drained();
        if (local.epoch !== epoch || outlet.closed) break;
      }
      if (local.epoch === epoch && outlet.position >= Math.max(local.seq, page.seq)) {
        outlet.live = true;
        return;
      }
      // the store fell behind what was seen of it: soon it begins anew
      if (page.entries.length === 0) await pause(RETRY);
    }
  }

  async function keepCatchingUp(outlet: Outlet, local: LocalUser): Promise<void> {
    for (;;) {
      try {
        return await catchUp(outlet, local);
      } catch (error) {
        log.debug({ user: local.user, err: error }, 'replay interrupted, trying again');
        await pause(RETRY);
      }
    }
  }

  function settle(outlet: Outlet, joined: Seen, from: number): void {
    const local = users.get(outlet.user);
    if (local === undefined || outlet.closed) return;
    const { epoch, seq, at } = joined;
    if (local.epoch === undefined) Object.assign(local, { epoch, seq, at, known: seq });
    else if (!follow(local, epoch)) {
      // it joined before the store began anew, and has been shown nothing of what is in it now
      settle(outlet, { epoch: local.epoch, seq: local.seq, at: local.at }, 0);
      return;
    }
    Object.assign(outlet, { start: from, position: from, confirmed: from, settled: true });
    local.known = Math.max(local.known, joined.seq);
    for (const seq of local.ahead.keys()) if (seq <= local.seq) local.ahead.delete(seq);
    if (from >= local.seq) outlet.live = true;
    else void keepCatchingUp(outlet, local);
    advance(local);
  }

  return {
    add(outlet) {
      const local = users.get(outlet.user) ?? newLocalUser(outlet.user);
      users.set(outlet.user, local);
      local.outlets = local.outlets.concat([outlet]);
    },
    remove(outlet) {
      outlet.closed = true;
      // also for whoever is going through the list of before
      outlet.live = false;
      const local = users.get(outlet.user);
      if (local === undefined) return;
      local.outlets = local.outlets.filter((other) => other !== outlet);
      if (local.outlets.length === 0) users.delete(outlet.user);
    },
    seen(user) {
      const local = users.get(user);
      return local?.epoch === undefined ? undefined : { epoch: local.epoch, seq: local.seq, at: local.at };
    },
    isOver: (user, epoch) => users.get(user)?.over.has(epoch) ?? false,
    settle,
    rewind,
    receive(user, position, message) {
      const local = users.get(user);
      if (local === undefined || !follow(local, position.epoch)) return;
      if (!local.forked && isFork(local, position, message)) {
        local.forked = true;
        events.onFork(user);
      }
      if (local.forked || (local.epoch !== undefined && position.seq <= local.seq)) return;
      if (position.seq === local.seq + 1 && local.epoch !== undefined) step(local, message);
      else setAhead(local, position.seq, message);
      if (local.epoch !== undefined) advance(local);
    },
    reach(user, position) {
      const local = users.get(user);
      if (local?.epoch === undefined || !follow(local, position.epoch)) return;
      local.forked = false;
      local.known = Math.max(local.known, position.seq);
      advance(local);
    },
    showEarly: (user, message, alias) => writing.showEarly(user, users.get(user), message, alias),
    signal(user, message) {
      const packet = packetOf(message);
      for (const outlet of users.get(user)?.outlets ?? NONE) if (outlet.live) outlet.pipe.send(packet);
    },
    outlets: (user) => users.get(user)?.outlets ?? NONE,
    users: () => users.keys(),
  };
}
