/** A Prometheus histogram: upper bounds, the last one infinite, each with how many were at most that. */
export type Buckets = readonly (readonly [bound: number, count: number])[];

/** What was counted since `before`. */
export function bucketsSince(before: Buckets, after: Buckets): Buckets {
  const counted = new Map(before);
  return after.map(([bound, count]) => [bound, count - (counted.get(bound) ?? 0)]);
}

export function countOf(buckets: Buckets): number {
  return buckets.at(-1)?.[1] ?? 0;
}

/**
 * The value that a share `q` of all stays below, taken as evenly spread within its bucket, as Prometheus'
 * `histogram_quantile` does; of what is beyond the last finite bound, that bound. `null` when nothing was counted.
 */
export function quantile(q: number, buckets: Buckets): number | null {
  const rank = q * countOf(buckets);
  if (rank === 0) return null;
  const index = buckets.findIndex(([, count]) => count >= rank);
  const [lower, below] = buckets[index - 1] ?? [0, 0];
  const [upper, upTo] = buckets[index] ?? [lower, below];
  return upper === Number.POSITIVE_INFINITY ? lower : lower + ((upper - lower) * (rank - below)) / (upTo - below);
}
