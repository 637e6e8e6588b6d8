import { isUnclear, sameBrowser } from './browser.js';
import { parseCursor } from './cursor.js';
import { type Kept, LENT_FOR, LOST_TOGETHER, UNCLEAR_FOR } from './store.js';

/**
 * A socket that went without a goodbye, and from where its tab is to be continued.
 * - `served`: it stood at its cursor
 * - `unserved`: it went before it was served; its tab may be one that another entry is about
 * - `lent`: taken by a socket that may not be the one it was kept for, and free for others as long as that one is there
 */
export interface Lost extends Kept {
  readonly id: string;
  readonly kind: 'served' | 'unserved' | 'lent';
  readonly browser: readonly string[];
  /** Unix milliseconds. */
  readonly at: number;
}

export interface Choice {
  /** From where the tab that came back is served. */
  readonly kept: Kept;
  readonly used: string;
  /** Used up as well, but lent: should they have been another tab's, it still finds a cursor. */
  readonly alsoUsed: readonly string[];
  /** Of the others, what has not been shown to all: whichever tab comes next, it is shown that. */
  readonly rest: readonly Lost[];
}

/** The cursor of a socket that has been served nothing yet is kept with this before it. */
export const UNSERVED = '?';

const RANK = { served: 2, unserved: 1, lent: 0 };

/**
 * From which cursor a browser that came back is served, and which of its lost sockets that uses up. Its tabs can't be
 * told apart, so of those lost together the lowest cursor is served and the highest used up: whichever tab comes
 * next still finds one at or below its own. A repeat is possible that way, a loss is not.
 */
export function chooseLost(all: readonly Lost[], browser: readonly string[], now: number): Choice | undefined {
  const own = all.filter((lost) => sameBrowser(lost.browser, browser) && isGood(lost, now));
  const latest = Math.max(...own.map((lost) => lost.at));
  const group = own.filter((lost) => lost.at > latest - LOST_TOGETHER).sort((a, b) => seqOf(a) - seqOf(b));
  const used = [...group].sort((a, b) => RANK[a.kind] - RANK[b.kind]).at(-1);
  if (group[0] === undefined || used === undefined) return undefined;
  const unserved = used.kind === 'served' ? group.filter(({ kind }) => kind === 'unserved') : [];
  const alsoUsed = unserved.map(({ id }) => id);
  const shown = used.shown.filter((key) => own.every((lost) => lost.shown.includes(key)));
  const rest = own
    .filter((lost) => lost !== used && !unserved.includes(lost) && lost.shown.length > shown.length)
    .map((lost) => ({ ...lost, shown }));
  return { kept: { cursor: group[0].cursor, shown }, used: used.id, alsoUsed, rest };
}

function isGood({ kind, at, browser }: Lost, now: number): boolean {
  if (kind === 'lent') return at > now - LENT_FOR;
  return !isUnclear(browser) || at > now - UNCLEAR_FOR;
}

const seqOf = ({ cursor }: Lost) => parseCursor(cursor)?.seq ?? 0;
