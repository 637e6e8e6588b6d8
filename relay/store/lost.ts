import { parseCursor } from './cursor.js';
import { LOST_TOGETHER } from './store.js';

export interface Lost {
  readonly id: string;
  readonly browser: readonly string[];
  readonly cursor: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/**
 * From which cursor a browser that came back is served, and which of its lost sockets that uses up. Its tabs can't be
 * told apart, so of those lost together the lowest cursor is served and the highest used up: whichever tab comes
 * next still finds one at or below its own. A repeat is possible that way, a loss is not.
 */
export function chooseLost(
  all: readonly Lost[],
  browser: readonly string[],
): { cursor: string; used: string } | undefined {
  const own = all.filter((lost) => lost.browser.some((name) => browser.includes(name)));
  const latest = Math.max(...own.map((lost) => lost.at));
  const group = own
    .filter((lost) => lost.at > latest - LOST_TOGETHER)
    .map((lost) => ({ ...lost, seq: parseCursor(lost.cursor)?.seq ?? 0 }))
    .sort((a, b) => a.seq - b.seq);
  const lowest = group[0];
  const highest = group.at(-1);
  return lowest === undefined || highest === undefined ? undefined : { cursor: lowest.cursor, used: highest.id };
}
