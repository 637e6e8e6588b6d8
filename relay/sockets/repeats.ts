import { createRate } from '../rate.js';
import { userIdOf } from '../user-id.js';

/**
 * Questions that an old page asks by a timer, whether it is connected or not: its client keeps them, and says them all
 * at once when it is back after hours. More than a few equal ones are asked as one.
 */
export interface Repeats {
  /**
   * What is to become of an event: `asks` as any other; `merged`, it will be asked once for all of them; `too many`
   * even for that.
   */
  look(event: string, payload: unknown): 'asks' | 'merged' | 'too many';
  end(): void;
}

export interface RepeatsOptions {
  /** Events a second. */
  readonly rate: number;
  readonly ask: (event: string, payload: unknown) => void;
}

const BY_TIMER = new Set(['getUnreadCount', 'getUnreadConversations']);
/** So many equal ones are a page's own business. */
const FEW = 5;
/** Milliseconds within which equal ones belong together; the last of them is answered by then. */
const TOGETHER = 1_000;
/** The most that may be merged at once, as a multiple of the rate: a day of two timers of 30 s. */
const BACKLOG = 300;

interface Asked {
  readonly payload: unknown;
  count: number;
  readonly timer: NodeJS.Timeout;
}

export function createRepeats({ rate, ask }: RepeatsOptions): Repeats {
  const asked = new Map<string, Asked>();
  const merging = createRate(rate, rate * BACKLOG);

  function begin(event: string, payload: unknown): void {
    const timer = setTimeout(() => {
      const one = asked.get(event);
      asked.delete(event);
      if (one !== undefined && one.count > FEW) ask(event, one.payload);
    }, TOGETHER);
    asked.set(event, { payload, count: 1, timer });
  }

  return {
    look(event, payload) {
      if (!BY_TIMER.has(event) || userIdOf(payload) === undefined) return 'asks';
      const one = asked.get(event);
      if (one === undefined) begin(event, payload);
      if (one === undefined || one.payload !== payload) return 'asks';
      one.count += 1;
      if (one.count <= FEW) return 'asks';
      return merging.take() ? 'merged' : 'too many';
    },
    end() {
      for (const { timer } of asked.values()) clearTimeout(timer);
      asked.clear();
    },
  };
}
