import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { ClientSend } from './client-send.js';

/** Messages of pages that are being handled: PHP may have persisted one that nobody has been shown yet. */
export interface UnderWay {
  readonly send: ClientSend;
  /** Resolves when none is left, those that waited behind others included, or after so many milliseconds. */
  ended(within: number): Promise<void>;
}

export function createUnderWay(handle: ClientSend): UnderWay {
  const running = new Set<Promise<unknown>>();

  return {
    send(user, payload) {
      const work = handle(user, payload).finally(() => running.delete(work));
      running.add(work);
      return work;
    },
    async ended(within) {
      let isLate = false;
      const late = pause(within, undefined, { ref: false }).then(() => {
        isLate = true;
      });
      while (running.size > 0 && !isLate) {
        await Promise.race([Promise.allSettled(running), late]);
        // the one that waited behind it has begun by then
        await nextTurn();
      }
    },
  };
}
