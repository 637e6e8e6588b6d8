/**
 * Of what happens again and again one word is enough each `interval` milliseconds: how often it has happened since the
 * last word, or 0 when it is not time for one. The first time is told at once.
 */
export function createTally(interval: number, now: () => number = () => performance.now()): (what: string) => number {
  const counts = new Map<string, { since: number; times: number }>();

  return (what) => {
    const known = counts.get(what) ?? { since: Number.NEGATIVE_INFINITY, times: 0 };
    const times = known.times + 1;
    const due = now() - known.since >= interval;
    counts.set(what, due ? { since: now(), times: 0 } : { since: known.since, times });
    return due ? times : 0;
  };
}
