import type { Message, SocketRecord } from '../store/store.js';
import type { Pipe } from './pipe.js';

/** What was written to an outlet and not yet confirmed. */
export interface Written {
  readonly seq: number;
  readonly message: Message;
}

/**
 * How a socket went. `unclear`: its page closed it without a goodbye, as it does when it is left, and as well when the
 * browser says that it is offline.
 */
export type Ending = 'clean' | 'unclear' | 'lost';

/** One registered socket as its user's messages see it. All numbers are places in the user's inbox. */
export interface Outlet {
  readonly user: string;
  record: SocketRecord;
  readonly pipe: Pipe;
  /** Asked for `meta` behind durable events. */
  meta: boolean;
  /** Everything from here … */
  start: number;
  /** … up to here has been written to it. */
  position: number;
  confirmed: number;
  /** While it is served once more from an older place: how far that has come. */
  owed: number | undefined;
  /** Rises when the numbers begin anew with an epoch. */
  generation: number;
  /** Messages go to it as they come; otherwise it is being caught up, and reads them from the inbox. */
  live: boolean;
  closed: boolean;
  /** The store knows it and the numbers above count. */
  settled: boolean;
  /** The store has taken it in: it stays, however many the user has. */
  letIn: boolean;
  /** What it is to be registered with is away. */
  waits: boolean;
  /** Continues an earlier socket of its browser. */
  inherited: boolean;
  /** Up to where that one had confirmed, so that it is not continued twice: the store answers the same again. */
  continued: string | undefined;
  /** Its page said by itself who it is, over this connection. */
  spoke: boolean;
  /** Closed without a goodbye: its browser may come back for the rest. */
  lost: boolean;
  /** What its page was told of what it may have missed. */
  recovered: boolean | null;
  readonly unconfirmed: Written[];
  /** Pings so far, those that were answered, and when the last went out, ms of `performance.now()`. */
  pings: number;
  pongs: number;
  pinged: number;
  /** Shown while the store was away, by event and id: not to be shown again when they are stored. Their number … */
  early: Map<string, number>;
  /** … among all that were shown so, and how many of those have been confirmed. */
  shownEarly: number;
  confirmedEarly: number;
}

/** Of all to which nothing was shown early: most that there are. */
const NOTHING_EARLY = new Map<string, number>();

export function setEarly(outlet: Outlet, key: string, number: number): void {
  if (outlet.early === NOTHING_EARLY) outlet.early = new Map();
  outlet.early.set(key, number);
}

export function createOutlet(user: string, record: SocketRecord, pipe: Pipe, meta: boolean): Outlet {
  return {
    user,
    record,
    pipe,
    meta,
    start: 0,
    position: 0,
    confirmed: 0,
    owed: undefined,
    generation: 0,
    live: false,
    closed: false,
    settled: false,
    letIn: false,
    waits: false,
    inherited: false,
    continued: undefined,
    spoke: false,
    lost: false,
    recovered: null,
    unconfirmed: [],
    pings: 0,
    pongs: 0,
    pinged: Number.NEGATIVE_INFINITY,
    early: NOTHING_EARLY,
    shownEarly: 0,
    confirmedEarly: 0,
  };
}

export function earlyKey(message: Message): string {
  return `${message.event}\0${message.id}`;
}
