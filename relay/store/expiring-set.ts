/** Keys that are known for a fixed time after they were added: an `ExpiringMap` without its values, at half the price. */
export interface ExpiringSet {
  /** Whether it was not known. From now on it is; to ask again does not prolong that. */
  add(key: string): boolean;
}

/** `life` in seconds. */
export function createExpiringSet(life: number, now: () => number = Date.now): ExpiringSet {
  const began = now();
  /** When each ends, in whole seconds from the beginning, which V8 keeps without an object. Oldest first. */
  const ends = new Map<string, number>();
  let swept = 0;

  /** Once a second: to find the oldest, a Map steps over those before it that were deleted. */
  function sweep(second: number): void {
    if (second === swept) return;
    swept = second;
    for (const [key, end] of ends) {
      if (end > second) return;
      ends.delete(key);
    }
  }

  return {
    add(key) {
      const second = Math.floor((now() - began) / 1000);
      sweep(second);
      if (ends.has(key)) return false;
      ends.set(key, second + life);
      return true;
    },
  };
}
