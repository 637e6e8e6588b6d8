import { createExpiringMap } from '../store/expiring-map.js';
import type { Routes } from '../store/store.js';
import { isPayload } from './legacy-fields.js';

/** What is known of one message: times are Unix milliseconds. */
export interface Trace {
  accepted: number;
  /** Under which PHP handed it over for the first time. */
  request?: string;
  readonly recipients: Record<string, RecipientTrace>;
}

interface RecipientTrace {
  accepted: number;
  readonly delivered: { socket: string; at: number }[];
  confirmed: number | null;
}

/** The way of messages, as this replica saw it, for an hour. */
export interface Traces {
  accepted(id: string, user: string, at: number): void;
  /** Known of messages only that were accepted. */
  requested(id: string, request: string): void;
  delivered(id: string, user: string, accepted: number, socket: string): void;
  confirmed(id: string, user: string): void;
  /** What this replica saw. */
  here(id: string): Trace | undefined;
  /** What all replicas saw. */
  everywhere(id: string): Promise<Trace | undefined>;
}

const LIFE = 3_600_000;
const LIMIT = 20_000;

export function createTraces(routes: Routes): Traces {
  const traces = createExpiringMap<Trace>(LIFE, LIMIT);

  function recipient(id: string, user: string, accepted: number): RecipientTrace {
    let trace = traces.get(id);
    if (trace === undefined) {
      trace = { accepted, recipients: {} };
      traces.set(id, trace);
    }
    const found = Object.hasOwn(trace.recipients, user) ? trace.recipients[user] : undefined;
    const own = found ?? { accepted, delivered: [], confirmed: null };
    if (found === undefined) Object.defineProperty(trace.recipients, user, { value: own, enumerable: true });
    return own;
  }

  return {
    accepted(id, user, at) {
      recipient(id, user, at);
    },
    requested(id, request) {
      const trace = traces.get(id);
      if (trace !== undefined) trace.request ??= request;
    },
    delivered(id, user, accepted, socket) {
      recipient(id, user, accepted).delivered.push({ socket, at: Date.now() });
    },
    confirmed(id, user) {
      const own = traces.get(id)?.recipients[user];
      if (own !== undefined) own.confirmed ??= Date.now();
    },
    here: (id) => traces.get(id),
    async everywhere(id) {
      const others = (await routes.replicas()).filter(({ self }) => !self);
      const answers = await Promise.all(others.map((replica) => routes.ask(replica.id, { kind: 'trace', id })));
      const all = [traces.get(id), ...answers.filter(isTrace)].filter((trace) => trace !== undefined);
      return all.length === 0 ? undefined : merge(all);
    },
  };
}

function merge(all: readonly Trace[]): Trace {
  const request = all.find((trace) => trace.request !== undefined)?.request;
  const accepted = Math.min(...all.map((trace) => trace.accepted));
  const merged: Trace = { accepted, ...(request === undefined ? {} : { request }), recipients: {} };
  for (const [user, seen] of all.flatMap(({ recipients }) => Object.entries(recipients))) {
    const known = merged.recipients[user];
    merged.recipients[user] = {
      accepted: Math.min(seen.accepted, known?.accepted ?? seen.accepted),
      delivered: [...(known?.delivered ?? []), ...seen.delivered],
      confirmed: known?.confirmed ?? seen.confirmed,
    };
  }
  return merged;
}

/** A trace from another replica, which speaks the same language. */
function isTrace(value: unknown): value is Trace {
  return isPayload(value) && typeof value.accepted === 'number' && isPayload(value.recipients);
}

/** As `GET /messages/:id/trace` shows it: times in ISO 8601. */
export function showTrace(id: string, trace: Trace): object {
  const iso = (at: number) => new Date(at).toISOString();
  const recipients = Object.entries(trace.recipients).map(([user, { accepted, delivered, confirmed }]) => [
    user,
    {
      accepted: iso(accepted),
      delivered: delivered.map(({ socket, at }) => ({ socket, at: iso(at) })),
      confirmed: confirmed === null ? null : iso(confirmed),
    },
  ]);
  const request = trace.request ?? null;
  return { id, accepted: iso(trace.accepted), request_id: request, recipients: Object.fromEntries(recipients) };
}
