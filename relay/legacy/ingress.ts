import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { errorBody } from '../errors.js';
import type { Outcome } from './connection.js';
import type { Said } from './envelope.js';
import { saidByEvent, saidByJson } from './envelope.js';
import type { FieldNames } from './field-names.js';
import type { LegacyNotify } from './mapping.js';
import { toNotify } from './mapping.js';
import type { Report } from './report.js';
import { HINTS } from './shapes.js';

export interface LegacySource {
  /** In the spelling of `plainAddress`. */
  readonly address: string;
}

/** A notify with PHP's id, or else one of its own, which it keeps however often it is offered. */
export interface Identified extends LegacyNotify {
  readonly id: string;
}

/** Takes a notify over; rejects with what `errorBody` can tell. */
export type Accept = (notify: Identified, source: LegacySource) => Promise<void>;

/** From what was said to what the core accepts. Neither method rejects: what fails is reported and told as outcome. */
export interface Ingress {
  event(name: string, args: readonly unknown[], source: LegacySource): Promise<Outcome>;
  json(value: unknown, source: LegacySource): Promise<Outcome>;
}

export interface IngressOptions {
  readonly names: FieldNames;
  readonly accept: Accept;
  readonly report: Report;
  /** Ends the waiting between attempts. */
  readonly signal: AbortSignal;
  /** Waits before further attempts, in milliseconds. */
  readonly retryDelays?: readonly number[];
}

/** How the store that is away is asked again, in milliseconds: an old notifier has no outbox to keep the message in. */
const RETRY_MS = [200, 800, 2_000, 4_000];
const RETRIED = new Set(['store_unavailable', 'backend_unavailable']);
const MAX_IDS = 5_000;
/** In place of the content of an id that turned out to be none; equal to no content. */
const NO_ID = '';

export function createIngress(options: IngressOptions): Ingress {
  const { names, accept, report, signal, retryDelays = RETRY_MS } = options;
  const checkId = createIdCheck(report);

  const deliver = async (notify: LegacyNotify, source: LegacySource): Promise<Outcome> => {
    const identified = { ...notify, id: notify.id ?? randomUUID() };
    for (const wait of [...retryDelays, undefined]) {
      try {
        await accept(identified, source);
        return { ok: true };
      } catch (error) {
        const { code, message } = errorBody(error);
        if (wait !== undefined && RETRIED.has(code) && (await passes(wait, signal))) continue;
        report.failed(source.address, notify, error);
        return { ok: false, error: { code, message } };
      }
    }
    return { ok: true };
  };

  const handle = async (said: Said, source: LegacySource): Promise<Outcome> => {
    const mapped = toNotify(said, names);
    if (mapped.kind === 'ignored') return { ok: true };
    if (mapped.kind === 'unmapped') {
      report.unmapped(source.address, said, mapped.reason);
      return { ok: false, error: { code: 'invalid_payload', message: HINTS[mapped.reason] } };
    }
    report.delivered(source.address, said, mapped.known);
    return await deliver(checkId(mapped.notify, source.address), source);
  };

  return {
    event: (name, args, source) => handle(saidByEvent(name, args, names), source),
    async json(value, source) {
      let last: Outcome = { ok: true };
      for (const said of saidByJson(value, names)) {
        const outcome = await handle(said, source);
        if (last.ok) last = outcome;
      }
      return last;
    },
  };
}

/**
 * An `id` that comes again with other content is no message id: some sites send the sender's id under that name, and
 * all of a person's messages but the first would be taken for repeats. Such a notify loses its id.
 */
function createIdCheck(report: Report): (notify: LegacyNotify, address: string) => LegacyNotify {
  const contents = new Map<string, string>();
  return (notify, address) => {
    if (notify.id === undefined || !notify.durable) return notify;
    const key = JSON.stringify([notify.event, notify.id]);
    // Without the rest of the message where there is a text: a retry may differ in its time.
    const { text, conversation, sender, contentKey } = notify;
    const content = text === undefined ? contentKey : JSON.stringify([text, conversation, sender]);
    const before = contents.get(key);
    const reused = before !== undefined && before !== content;
    contents.delete(key);
    // once reused, what was said under it before may be said again, and is no repeat either
    contents.set(key, reused ? NO_ID : content);
    const oldest = contents.size > MAX_IDS ? contents.keys().next() : undefined;
    if (oldest?.done === false) contents.delete(oldest.value);
    if (!reused) return notify;
    report.reusedId(address, notify);
    return { ...notify, id: undefined };
  };
}

async function passes(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  try {
    await delay(milliseconds, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
