import { deferred } from './deferred.js';
import { isIntact, type Message } from './message.js';

/** Who must be sent which message, once; and when the last of its pages had it. */
export interface Ledger {
  sent(index: number): void;
  received(page: number, name: string, payload: unknown): void;
  /** Resolves when everyone has everything; rejects at the first thing that is wrong. */
  readonly complete: Promise<void>;
  /** What is still missing. */
  readonly missing: number;
  /** The last thing that was wrong. */
  readonly problem: string | undefined;
  /** Of each message, from request written to its last frame read, ms. */
  latencies(): Float64Array;
}

export interface LedgerOptions {
  readonly messages: readonly Message[];
  /** How many pages a message is for. */
  readonly copies: number;
  /** Which of a message's copies this page's is, -1 if it is not for it. */
  readonly copyOf: (index: number, page: number) => number;
}

export function createLedger({ messages, copies, copyOf }: LedgerOptions): Ledger {
  const first = messages[0]?.id ?? 0;
  const seen = new Uint8Array(messages.length * copies);
  const started = new Float64Array(messages.length);
  const ended = new Float64Array(messages.length);
  const complete = deferred<void>();
  let problem: string | undefined;
  let missing = seen.length;

  function problemWith(page: number, name: string, payload: unknown): string | undefined {
    const index = (payload as Message).id - first;
    const message = messages[index];
    if (name !== 'receive_message' || message === undefined) return 'unexpected';
    const copy = copyOf(index, page);
    if (copy < 0) return 'meant for another';
    if (!isIntact(payload as Record<string, unknown>, message)) return 'changed';
    const slot = index * copies + copy;
    if (seen[slot] !== 0) return 'a repeat';
    seen[slot] = 1;
    ended[index] = performance.now();
    missing -= 1;
    if (missing === 0) complete.resolve();
    return undefined;
  }

  return {
    sent(index) {
      started[index] = performance.now();
    },
    received(page, name, payload) {
      const what = problemWith(page, name, payload);
      if (what === undefined) return;
      problem = `page ${page} was sent what is ${what}: ${name} ${JSON.stringify(payload)}`;
      complete.reject(new Error(problem));
    },
    complete: complete.promise,
    get problem() {
      return problem;
    },
    get missing() {
      return missing;
    },
    latencies: () => ended.map((end, index) => end - (started[index] ?? 0)),
  };
}
