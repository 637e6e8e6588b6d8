import fc from 'fast-check';
import { expect } from 'vitest';
import { type Client, connectAs } from '../../support/client.js';
import { internalApi } from '../../support/internal.js';
import { type LogLine, type Relay, type RelayEnv, startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';

/** A relay that is being treated badly, and a page of it that has nothing to do with that. */
export interface WatchedRelay {
  readonly relay: Relay;
  /** Fails when the relay died, said something it may not, swelled, or no longer serves the page. */
  isWell(): Promise<void>;
  /** How much it has said so far, for `toldSince`. */
  mark(): number;
  /** Whether it logged anything since. */
  toldSince(mark: number): boolean;
}

/** Bytes by which the process may grow: what V8 takes before it collects, and no more. */
const GROWTH = 150 * 1024 * 1024;
/** Of the page beside. */
const BYSTANDER = 'bystander';

let last = 0;

/** @param expected log lines of level error that are no fault of the relay's */
export async function watchRelay(
  env: RelayEnv = {},
  expected: (line: LogLine) => boolean = () => false,
): Promise<WatchedRelay> {
  const relay = await startRelay({ RELAY_LOG_LEVEL: 'info', ...env });
  const api = internalApi(relay);
  const options = { transports: ['websocket'], extraHeaders: { origin: 'http://localhost' } };
  const page: Client = await connectAs(relay, clientToken(BYSTANDER), options);
  const before = await memoryOf(relay);
  const curl = relay.text.length;

  return {
    relay,
    async isWell() {
      last += 1;
      const { status, body } = await api.notify({
        recipients: [BYSTANDER],
        event: `well${last}`,
        message: { id: last },
      });
      expect([status, body]).toMatchObject([200, { delivered: [BYSTANDER] }]);
      await page.next(`well${last}`);
      expect(relay.logs.filter((line) => Number(line.level) >= 50 && !expected(line))).toEqual([]);
      // what Node or a library writes by itself is no line of ours
      expect(relay.text.slice(curl)).toEqual([]);
      expect(page.all('registered')).toHaveLength(1);
      expect((await memoryOf(relay)) - before).toBeLessThan(GROWTH);
    },
    mark: () => relay.logs.length,
    toldSince: (mark) => relay.logs.length > mark,
  };
}

async function memoryOf({ internalUrl }: Relay): Promise<number> {
  const metrics = await (await fetch(`${internalUrl}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)$/m.exec(metrics)?.[1]);
}

const { FUZZ_SECONDS = '2', FUZZ_SEED, FUZZ_PATH } = process.env;
/** Long enough for the longest run that is asked for. */
export const FUZZ_TIMEOUT = Number(FUZZ_SECONDS) * 1_000 + 30_000;

/** However busy the machine is. */
const LEAST_INPUTS = 10;

/**
 * As many inputs as the time allows: FUZZ_SECONDS. A failure prints the input, its seed and its path; FUZZ_SEED and
 * FUZZ_PATH bring it back.
 */
export async function fuzz<T>(inputs: fc.Arbitrary<T>, check: (input: T) => Promise<void>): Promise<void> {
  const again = {
    ...(FUZZ_SEED === undefined ? {} : { seed: Number(FUZZ_SEED) }),
    ...(FUZZ_PATH === undefined ? {} : { path: FUZZ_PATH }),
  };
  const property = fc.asyncProperty(inputs, check);
  const inTime = { numRuns: 1_000_000, interruptAfterTimeLimit: Number(FUZZ_SECONDS) * 1_000 };
  for (const limit of FUZZ_PATH === undefined ? [{ numRuns: LEAST_INPUTS }, inTime] : [inTime]) {
    const details = await fc.check(property, { ...limit, ...again });
    if (details.failed) throw new Error(fc.defaultReportMessage(details));
  }
}

const OWN_NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'then', 'toJSON', 'length', 'hasOwnProperty'];

/** Any JSON, with names that are JavaScript's own and those that the relay reads. */
export function json(names: readonly string[]): fc.Arbitrary<unknown> {
  const key = fc.oneof(fc.constantFrom(...names, ...OWN_NAMES), fc.string());
  const number = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 1.5, 1e308, 2 ** 53, 1e11));
  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('17', '', '\u0000', '\ud800', '[', '{"a":1}'));
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom(null, true, false),
      number,
      text,
      fc.array(tie('value'), { maxLength: 5 }),
      fc.dictionary(key, tie('value'), { maxKeys: 6, noNullPrototype: false }),
    ),
  }));
  return value;
}

/** One of these, with a few bytes changed, taken out or put in. */
export function mutated(samples: readonly (string | Uint8Array)[]): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 3 }), fc.nat(3));
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([sample, changes]) =>
      changes.reduce((bytes, [place, put, removed]) => {
        const at = place % (bytes.length + 1);
        return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + removed)]);
      }, Buffer.from(sample)),
    );
}
