/** Something that wants in. */
export interface Comer {
  /** Nobody waits for it any more. */
  gone(): boolean;
  enter(): void;
  /** It waited for so long that it had better come again. */
  refuse(): void;
}

/**
 * Lets new connections in one after the other, as fast as the event loop comes round. What a connection costs comes
 * after it was let in (the handshake, its user, its replay): let in all at once, thousands that come back would hold
 * up every message meanwhile, and the calls of PHP would time out by the relay's own fault.
 */
export interface Turnstile {
  take(comer: Comer): void;
  /** How many wait. */
  readonly waiting: number;
}

/** A turn of the event loop that takes longer, ms, is a sign of work that is to be done first. */
const BUSY = 30;
const LONGEST_PAUSE = 500;
/** A client gives up after 20 s, by default, and then would be let in for nothing, ms. */
const PATIENCE = 15_000;

export function createTurnstile(now: () => number = () => performance.now()): Turnstile {
  let queue: { readonly comer: Comer; readonly since: number }[] = [];
  let next = 0;
  let turning = false;

  function step(): void {
    const one = queue[next];
    if (one === undefined) {
      queue = [];
      next = 0;
      turning = false;
      return;
    }
    next += 1;
    if (!one.comer.gone()) {
      if (now() - one.since > PATIENCE) one.comer.refuse();
      else one.comer.enter();
    }
    afterThisTurn();
  }

  /** Waits for one turn, and as long again when that was a long one: half of the time is for those who are in. */
  function afterThisTurn(): void {
    const begun = now();
    setImmediate(() =>
      setImmediate(() => {
        const turn = now() - begun;
        if (turn > BUSY) setTimeout(step, Math.min(turn, LONGEST_PAUSE));
        else step();
      }),
    );
  }

  return {
    take(comer) {
      queue.push({ comer, since: now() });
      if (turning) return;
      turning = true;
      step();
    },
    get waiting() {
      return queue.length - next;
    },
  };
}
