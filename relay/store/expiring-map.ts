/** A map whose entries end a fixed time after they were last set. Oldest first, so expiry costs what has expired. */
export interface ExpiringMap<V> {
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  readonly size: number;
}

/** `life` in milliseconds; `limit` is the most entries kept, the oldest go first. */
export function createExpiringMap<V>(life: number, limit = Number.POSITIVE_INFINITY, now = Date.now): ExpiringMap<V> {
  const entries = new Map<string, { value: V; ends: number }>();

  function expire(time: number): void {
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
      expire(time);
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
