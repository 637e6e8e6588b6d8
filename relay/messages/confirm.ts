import type { Logger } from 'pino';
import { cursorOf } from '../store/cursor.js';
import type { Presence } from '../store/store.js';
import { createBatch } from './batch.js';
import { createDeadlines } from './deadlines.js';
import type { Hub } from './hub.js';
import { earlyKey, type Outlet, type Written } from './outlet.js';
import type { PingsOf } from './pipe.js';

/**
 * Confirmed delivery. A client handles packets in their order, so the pong that answers a ping proves that it took
 * all that was written before the ping. A quiet socket is pinged with the message, since whatever is unconfirmed when it
 * drops is shown again; one ping covers what comes to a busy one within `SPACING`.
 */
export interface Confirmer {
  attach(outlet: Outlet): void;
  /** Something is written to it and wants a ping: `true` when that is to go out right behind, else one follows. */
  pingBehind(outlet: Outlet, replay: boolean): boolean;
  /** It is gone: whoever waits for its answer need not wait any longer. */
  detach(outlet: Outlet): void;
  /** Whether the client answers a ping within `milliseconds`. */
  answers(outlet: Outlet, milliseconds: number): Promise<boolean>;
  /** Tells the store at once what is confirmed so far. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Mark {
  readonly seq: number;
  readonly generation: number;
  readonly early: number;
}

/** Somebody waits for the pong of one ping. */
type Probe = (answered: boolean) => void;

/** Milliseconds from the first write of a replay to its ping. */
const SOON = 5;
/**
 * Milliseconds between two pings of a busy socket; while the replica writes much, as far apart as CONTRACT section 8 has
 * it: to read a pong costs nearly what it costs to write a message (`npm run bench -- --workloads fanout`).
 */
const SPACING = 100;
const SPACING_WHEN_HEAVY = 250;
/** Writes within `SPACING` that are much. */
const HEAVY = 300;
/** From a pong to the store, milliseconds. One batch is under way at a time, so that a slow store gets larger ones. */
const STORE_EVERY = 5;
/** Until the next attempt while the store is away, milliseconds. */
const RETRY = 500;
const NO_PROBES: ReadonlyMap<number, Probe> = new Map();

export interface ConfirmerOptions {
  readonly hub: Hub;
  readonly presence: Presence;
  readonly log: Logger;
  readonly onConfirmed: (outlet: Outlet, written: Written) => void;
}

export function createConfirmer({ hub, presence, log, onConfirmed }: ConfirmerOptions): Confirmer {
  const replaying = createBatch<Outlet>(() => SOON, pingAll);
  const busy = createDeadlines<Outlet>(spacing, pingAll);
  let window = { since: 0, writes: 0 };
  let heavy = false;
  const dirty = new Set<Outlet>();
  const probes = new Map<Outlet, Map<number, Probe>>();
  let storeTimer: NodeJS.Timeout | undefined;
  let storing: Promise<void> = Promise.resolve();

  function spacing(): number {
    return heavy ? SPACING_WHEN_HEAVY : SPACING;
  }

  function count(now: number): void {
    window.writes += 1;
    if (now - window.since < SPACING) return;
    heavy = window.writes >= HEAVY && now - window.since < 2 * SPACING;
    window = { since: now, writes: 0 };
  }

  function pingAll(batch: readonly Outlet[]): void {
    for (const outlet of batch) if (!outlet.closed) outlet.pipe.ping();
  }

  const pings: PingsOf<Outlet, Mark> = {
    sent(outlet) {
      outlet.pings += 1;
      outlet.pinged = performance.now();
      replaying.delete(outlet);
      busy.delete(outlet);
      return { seq: outlet.owed ?? outlet.position, generation: outlet.generation, early: outlet.shownEarly };
    },
    answered(outlet, mark) {
      outlet.pongs += 1;
      for (const [number, finish] of probes.get(outlet) ?? NO_PROBES) if (number <= outlet.pongs) finish(true);
      outlet.confirmedEarly = Math.max(outlet.confirmedEarly, mark.early);
      confirm(outlet, mark);
    },
  };

  function confirm(outlet: Outlet, mark: Mark): void {
    if (mark.generation !== outlet.generation || mark.seq <= outlet.confirmed) return;
    outlet.confirmed = mark.seq;
    while ((outlet.unconfirmed[0]?.seq ?? Number.POSITIVE_INFINITY) <= mark.seq) {
      const written = outlet.unconfirmed.shift();
      if (written === undefined) continue;
      if (outlet.early.size > 0) outlet.early.delete(earlyKey(written.message));
      onConfirmed(outlet, written);
    }
    if (outlet.closed) return;
    dirty.add(outlet);
    storeTimer ??= setTimeout(store, STORE_EVERY);
  }

  function store(): Promise<void> {
    clearTimeout(storeTimer);
    storing = storing.then(storeDirty);
    return storing;
  }

  async function storeDirty(): Promise<void> {
    const batch = [...dirty].filter((outlet) => !outlet.closed);
    dirty.clear();
    const confirmed = batch.flatMap((outlet) => {
      const epoch = hub.seen(outlet.user)?.epoch;
      if (epoch === undefined) return [];
      return [{ user: outlet.user, socketId: outlet.record.id, cursor: cursorOf({ epoch, seq: outlet.confirmed }) }];
    });
    const stored = await presence.confirm(confirmed).then(
      () => true,
      (error: unknown) => {
        log.debug({ err: error }, 'confirmed cursors not stored yet');
        for (const outlet of batch) dirty.add(outlet);
        return false;
      },
    );
    storeTimer = dirty.size > 0 ? setTimeout(store, stored ? STORE_EVERY : RETRY) : undefined;
  }

  return {
    attach(outlet) {
      outlet.pipe.onPings(pings, outlet);
    },
    pingBehind(outlet, replay) {
      const now = performance.now();
      count(now);
      const due = now - outlet.pinged >= spacing();
      if (!due) busy.add(outlet);
      else if (replay) replaying.add(outlet);
      return due && !replay;
    },
    detach(outlet) {
      for (const finish of probes.get(outlet)?.values() ?? []) finish(false);
    },
    answers(outlet, milliseconds) {
      if (outlet.closed) return Promise.resolve(false);
      outlet.pipe.ping();
      const number = outlet.pings;
      const waiting = probes.get(outlet) ?? new Map<number, Probe>();
      probes.set(outlet, waiting);
      return new Promise((resolve) => {
        const timer = setTimeout(() => finish(false), milliseconds);
        const finish = (answered: boolean) => {
          clearTimeout(timer);
          waiting.delete(number);
          if (waiting.size === 0) probes.delete(outlet);
          resolve(answered);
        };
        waiting.set(number, finish);
      });
    },
    flush: store,
    async close() {
      replaying.clear();
      busy.clear();
      await store();
      clearTimeout(storeTimer);
    },
  };
}
