/**
 * Nothing is written until so long after the last byte came, in milliseconds. A PHP that exits with unread bytes in its
 * socket makes its kernel send a reset instead of a FIN and throw away what it had not sent yet, and with two small
 * writes in a row that is the second (Nagle holds it until the first is acknowledged, some 40 ms later). Libraries also
 * lose what comes before they have read the 101.
 */
const QUIET = {
  /** Before our first word: it may be of the kind that exits without reading, and pause on a busy machine. */
  first: 150,
  /** It waited for our first word, so it reads. */
  patient: 25,
} as const;
/** A timer that is later than this tells that the machine is busy, where PHP needs longer, too, milliseconds. */
const LATE_MS = 10;
const MORE_WAITS = 4;

/** Finds the moments at which it is safe to write to an old notifier. */
export interface Quiet {
  /** A byte came, or there is something to say. */
  again(): void;
  stop(): void;
}

/** @param speak called whenever it has been quiet for long enough; answers whether the first word was said */
export function createQuiet(speak: () => boolean): Quiet {
  let spoken = false;
  let manner: keyof typeof QUIET | undefined;
  let moreWaits = MORE_WAITS;
  let timer: NodeJS.Timeout | undefined;
  let look: NodeJS.Immediate | undefined;

  function wait(): void {
    const quiet = QUIET[manner ?? 'first'];
    const due = performance.now() + quiet;
    timer = setTimeout(() => {
      if (manner !== 'patient' && moreWaits > 0 && performance.now() - due > LATE_MS) {
        moreWaits -= 1;
        wait();
      } else {
        // After a pause of this process the timer is due before what came meanwhile is read: that is read first.
        look = setImmediate(() => {
          spoken = speak();
        });
      }
    }, quiet);
  }

  function stop(): void {
    clearTimeout(timer);
    clearImmediate(look);
  }

  wait();
  return {
    again() {
      stop();
      // decided by who spoke first, and for good: one that did not wait for us may never read
      manner ??= spoken ? 'patient' : 'first';
      wait();
    },
    stop,
  };
}
