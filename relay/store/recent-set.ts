/** Keys of late, at the price of one `Set.add` each: two sets take turns, and the older is dropped with what it holds. */
export interface RecentSet {
  add(key: string): void;
  has(key: string): boolean;
}

/** A key is known for `life` milliseconds at least and twice that at most, of the last `limit` keys at least. */
export function createRecentSet(life: number, limit: number, now: () => number = Date.now): RecentSet {
  let newer = new Set<string>();
  let older = new Set<string>();
  let turned = now();

  function turn(time: number): void {
    older = time - turned > 2 * life ? new Set() : newer;
    newer = new Set();
    turned = time;
  }

  function turnWhenDue(): void {
    const time = now();
    if (time - turned > life || newer.size >= limit) turn(time);
  }

  return {
    add(key) {
      turnWhenDue();
      newer.add(key);
    },
    has(key) {
      turnWhenDue();
      return newer.has(key) || older.has(key);
    },
  };
}
