export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

/** A promise that others settle: `Promise.withResolvers` is not in Node 20. */
export function deferred<T>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // one that fails before anybody waits for it must not end the process
  promise.catch(() => undefined);
  if (settle === undefined) throw new Error('a promise runs its executor at once');
  return { promise, ...settle };
}
