/** Things that end at a time of their own, to the second: a timer for each would be 240 bytes of each page. */
export interface Expiries<T> {
  /**
   * `milliseconds` from now, and up to a second later, unless it is deleted before.
   * @returns what it is deleted by
   */
  add(item: T, milliseconds: number): number;
  delete(item: T, due: number): void;
}

/** Milliseconds: what ends within one of these ends at its end. */
const STEP = 1_000;

export function createExpiries<T>(end: (item: T) => void): Expiries<T> {
  /** By the number of the step at whose beginning they are due. */
  const steps = new Map<number, Set<T>>();
  let reached = 0;
  let timer: NodeJS.Timeout | undefined;

  function wait(now: number): void {
    timer = setTimeout(turn, STEP - (now % STEP));
  }

  function turn(): void {
    timer = undefined;
    const now = performance.now();
    for (const until = Math.floor(now / STEP); reached < until; ) {
      reached += 1;
      const due = steps.get(reached);
      steps.delete(reached);
      for (const item of due ?? []) end(item);
    }
    if (steps.size > 0) wait(now);
  }

  return {
    add(item, milliseconds) {
      const now = performance.now();
      if (timer === undefined) {
        reached = Math.floor(now / STEP);
        wait(now);
      }
      const due = Math.max(Math.ceil((now + milliseconds) / STEP), reached + 1);
      const others = steps.get(due) ?? new Set();
      steps.set(due, others.add(item));
      return due;
    },
    delete(item, due) {
      const others = steps.get(due);
      if (others === undefined) return;
      others.delete(item);
      if (others.size === 0) steps.delete(due);
      if (steps.size > 0) return;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
