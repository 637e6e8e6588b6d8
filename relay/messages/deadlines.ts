/** Things that are due some time after they came, each in its own time. */
export interface Deadlines<T> {
  /** One that is there already stays where it is. */
  add(item: T): void;
  delete(item: T): void;
  clear(): void;
}

/** Those that are due within so many milliseconds of each other are handed on together. */
const TOGETHER = 5;

/** `after` in milliseconds, asked for each. Where it shrinks, what comes then waits for what came before. */
export function createDeadlines<T>(after: () => number, handOn: (due: readonly T[]) => void): Deadlines<T> {
  /** When each is due, the earliest first. */
  const items = new Map<T, number>();
  let timer: NodeJS.Timeout | undefined;

  function finish(): void {
    timer = undefined;
    const now = performance.now();
    const due: T[] = [];
    for (const [item, at] of items) {
      if (at > now + TOGETHER) {
        timer = setTimeout(finish, at - now);
        break;
      }
      due.push(item);
    }
    for (const item of due) items.delete(item);
    handOn(due);
  }

  return {
    add(item) {
      if (items.has(item)) return;
      const wait = after();
      items.set(item, performance.now() + wait);
      timer ??= setTimeout(finish, wait);
    },
    delete: (item) => void items.delete(item),
    clear() {
      clearTimeout(timer);
      timer = undefined;
      items.clear();
    },
  };
}
