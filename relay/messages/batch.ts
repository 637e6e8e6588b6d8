/** Things that are handed on together, some time after the first of them came. */
export interface Batch<T> {
  has(item: T): boolean;
  add(item: T): void;
  delete(item: T): void;
  clear(): void;
}

/** `after` in milliseconds, asked for when the first one comes. */
export function createBatch<T>(after: () => number, handOn: (batch: readonly T[]) => void): Batch<T> {
  const items = new Set<T>();
  let timer: NodeJS.Timeout | undefined;

  function finish(): void {
    timer = undefined;
    const batch = [...items];
    items.clear();
    handOn(batch);
  }

  return {
    has: (item) => items.has(item),
    add(item) {
      items.add(item);
      timer ??= setTimeout(finish, after());
    },
    delete(item) {
      items.delete(item);
    },
    clear() {
      clearTimeout(timer);
      timer = undefined;
      items.clear();
    },
  };
}
