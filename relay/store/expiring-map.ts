/** A map whose entries end a fixed time after they were last set. Oldest first, so expiry costs what has expired. */
export interface ExpiringMap<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  readonly size: number;
}

/** Between two looks at what has expired, ms: to find the oldest, a Map steps over those before it that were deleted. */
const SWEEP_EVERY = 1_000;

/** `life` in milliseconds; `limit` is about the most entries kept, the oldest go first, some at a time. */
export function createExpiringMap<V>(life: number, limit = Number.POSITIVE_INFINITY, now = Date.now): ExpiringMap<V> {
  const entries = new Map<string, { value: V; ends: number }>();
  const tolerated = limit + limit / 8;
  let swept = now();

  function expire(time: number): void {
    swept = time;
    for (const [key, { ends }] of entries) {
      if (ends > time && entries.size <= limit) return;
      entries.delete(key);
    }
  }

  return {
    get(key) {
      const entry = entries.get(key);
      return entry === undefined || entry.ends <= now() ? undefined : entry.value;
    },
    set(key, value) {
      const time = now();
      entries.delete(key);
      entries.set(key, { value, ends: time + life });
      if (time - swept >= SWEEP_EVERY || entries.size > tolerated) expire(time);
    },
    delete(key) {
      entries.delete(key);
    },
    get size() {
      expire(now());
      return entries.size;
    },
  };
}
