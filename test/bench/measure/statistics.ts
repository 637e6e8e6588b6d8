/** Of the sorted values the smallest that at least `share` of them do not exceed (nearest rank). */
export function percentile(values: Float64Array, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

export type Figures = Readonly<Record<string, number>>;

/** Each figure's best value over several runs; the smallest, but of those named `largest` the largest. */
export function bestOf(runs: readonly Figures[], largest: ReadonlySet<string>): Figures {
  const names = new Set(runs.flatMap((run) => Object.keys(run)));
  return Object.fromEntries(
    [...names].map((name) => {
      const values = runs.map((run) => run[name]).filter((value) => value !== undefined);
      return [name, largest.has(name) ? Math.max(...values) : Math.min(...values)];
    }),
  );
}
