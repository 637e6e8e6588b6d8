import { deferred } from './deferred.js';

const PATIENCE = 20_000;

/** The outcome of `work`, however long it takes; rejects when what is `left` of it stays the same for 20 s. */
export async function whileMoving<T>(work: Promise<T>, left: () => number, what: string): Promise<T> {
  const stuck = deferred<never>();
  let before = left();
  const watch = setInterval(() => {
    if (left() === before) stuck.reject(new Error(`${before} ${what} never came`));
    before = left();
  }, PATIENCE);
  return await Promise.race([work, stuck.promise]).finally(() => clearInterval(watch));
}
