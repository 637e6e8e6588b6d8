import type { Message, Position } from '../store/store.js';
import { earlyKey, type Outlet, setEarly } from './outlet.js';

/** A user of whom this replica holds sockets, and how far their messages have come. */
export interface LocalUser {
  readonly user: string;
  epoch: string | undefined;
  /** Epochs that are over: what still comes from them is nothing new. */
  over: ReadonlySet<string>;
  seq: number;
  /** When the last message that came was accepted, in this epoch or before; 0 where that is not known. */
  at: number;
  /** The inbox is known to stand here. */
  known: number;
  /** Another list with each that comes or goes; mostly there is one, for which a set would be four times as large. */
  outlets: readonly Outlet[];
  /** What came before its turn: mostly nothing. */
  ahead: Map<number, Message>;
  healing: boolean;
  /** The store has begun to give out once more numbers that were seen: nothing counts until the sockets have joined again. */
  forked: boolean;
}

const NONE: ReadonlySet<string> = new Set();
const NOTHING_AHEAD = new Map<number, Message>();

export function newLocalUser(user: string): LocalUser {
  return {
    user,
    epoch: undefined,
    over: NONE,
    seq: 0,
    at: 0,
    known: 0,
    outlets: [],
    ahead: NOTHING_AHEAD,
    healing: false,
    forked: false,
  };
}

export function setAhead(local: LocalUser, seq: number, message: Message): void {
  if (local.ahead === NOTHING_AHEAD) local.ahead = new Map();
  local.ahead.set(seq, message);
}

/**
 * Whether something from this epoch counts: it may have been on its way since before another began. With one that is
 * new here the store began anew.
 */
export function follow(local: LocalUser, epoch: string): boolean {
  if (local.over.has(epoch)) return false;
  if (local.epoch !== undefined && local.epoch !== epoch) adopt(local, epoch);
  return true;
}

/** Whether the place was another message's: the store lost that one, and went on from before. */
export function isFork(local: LocalUser, { seq }: Position, { at }: Message): boolean {
  return seq === local.seq && local.at !== 0 && at !== local.at;
}

/** All that is in the store now has been shown to nobody. */
function adopt(local: LocalUser, epoch: string): void {
  if (local.epoch !== undefined) local.over = new Set([...local.over, local.epoch]);
  local.epoch = epoch;
  local.seq = 0;
  local.known = 0;
  local.forked = false;
  local.ahead = NOTHING_AHEAD;
  for (const outlet of local.outlets) {
    Object.assign(outlet, { start: 0, position: 0, confirmed: 0, owed: undefined, generation: outlet.generation + 1 });
    outlet.unconfirmed.length = 0;
  }
}

/** One message of one user. */
export const recentKey = (user: string, message: Message) => `${user}\0${earlyKey(message)}`;

/** Under either of its ids; it is known by both from then on. */
export function wasShownEarly(outlet: Outlet, message: Message, other: Message): boolean {
  const number = outlet.early.get(earlyKey(message)) ?? outlet.early.get(earlyKey(other));
  if (number === undefined) return false;
  setEarly(outlet, earlyKey(message), number);
  return true;
}

const EARLY_LIMIT = 1_000;

/** A store that stays away must not fill the memory: the oldest are forgotten, and would be shown once more. */
export function rememberEarly(outlet: Outlet, key: string): void {
  outlet.shownEarly += 1;
  setEarly(outlet, key, outlet.shownEarly);
  if (outlet.early.size <= EARLY_LIMIT) return;
  for (const oldest of outlet.early.keys()) {
    outlet.early.delete(oldest);
    return;
  }
}
