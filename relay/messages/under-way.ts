import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';

/** Work that a stop waits for, for a while. */
export interface UnderWay {
  /** Answers the same promise. */
  track<T>(work: Promise<T>): Promise<T>;
  readonly count: number;
  /** Resolves when all is done, what waited behind it included, or after so many milliseconds. */
  ended(within: number): Promise<void>;
}

export function createUnderWay(): UnderWay {
  const running = new Set<Promise<unknown>>();

  return {
    track(work) {
      running.add(work);
      const done = () => running.delete(work);
      work.then(done, done);
      return work;
    },
    get count() {
      return running.size;
    },
    async ended(within) {
      let isLate = false;
      const late = pause(within, undefined, { ref: false }).then(() => {
        isLate = true;
      });
      while (running.size > 0 && !isLate) {
        await Promise.race([Promise.allSettled(running), late]);
        // what waited behind it has begun by then
        await nextTurn();
      }
    },
  };
}
