import { nextTick } from 'node:process';
import type { Writable } from 'node:stream';

/**
 * Collects what comes until `soon` calls back, and hands it on in one go. Work of one kind after the other keeps its code
 * and data in the processor's caches: with each request, frame and answer by itself a 1:1 notify at 16 callers took
 * 1.2 times as much CPU (`npm run bench -- --workloads notify`, before and after, in turn).
 */
export function createTogether<T>(soon: (handOn: () => void) => void, handOn: (items: readonly T[]) => void) {
  let items: T[] = [];

  function finish(): void {
    const all = items;
    items = [];
    handOn(all);
  }

  return (item: T): void => {
    items.push(item);
    if (items.length === 1) soon(finish);
  };
}

/** More are written at once: they have one message to write, and each that is held back costs. */
const CORKED = 64;

/** Holds back what is written to a stream from now on, until all promises in line are through. Its order stays. */
export type Cork = (stream: Writable) => void;

export function createCork(): Cork {
  let corked = 0;
  const uncork = createTogether<Writable>(nextTick, (streams) => {
    corked = 0;
    for (const stream of streams) stream.uncork();
  });
  return (stream) => {
    if (corked === CORKED) return;
    corked += 1;
    stream.cork();
    uncork(stream);
  };
}
