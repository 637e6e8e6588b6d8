import { createExpiringMap } from '../store/expiring-map.js';
import type { Routes } from '../store/store.js';
import { isPayload } from './legacy-fields.js';

/** What is known of one message: times are Unix milliseconds. */
export interface Trace {
  readonly accepted: number;
  /** Under which PHP handed it over for the first time. */
  readonly request?: string;
  readonly recipients: Readonly<Record<string, RecipientTrace>>;
}

/** As it is kept, which costs little for the few that are ever looked at. */
interface Kept {
  readonly accepted: number;
  request: string | undefined;
  readonly steps: Step[];
}

interface Step {
  readonly user: string;
  readonly accepted: number;
  readonly at: number;
  /** Of a delivery: to which socket. Of a confirmation: `null`. */
  readonly socket: string | null | undefined;
}

interface RecipientTrace {
  readonly accepted: number;
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
  const traces = createExpiringMap<Kept>(LIFE, LIMIT);

  function here(id: string): Trace | undefined {
    const kept = traces.get(id);
    if (kept === undefined) return undefined;
    const { accepted, request, steps } = kept;
    return { accepted, ...(request === undefined ? {} : { request }), recipients: recipientsOf(steps) };
  }

  function note(id: string, step: Step): void {
    const kept = traces.get(id);
    if (kept === undefined) traces.set(id, { accepted: step.accepted, request: undefined, steps: [step] });
    else kept.steps.push(step);
  }

  return {
    accepted: (id, user, at) => note(id, { user, accepted: at, at, socket: undefined }),
    requested(id, request) {
      const kept = traces.get(id);
      if (kept !== undefined) kept.request ??= request;
    },
    delivered: (id, user, accepted, socket) => note(id, { user, accepted, at: Date.now(), socket }),
    confirmed(id, user) {
      const at = Date.now();
      traces.get(id)?.steps.push({ user, accepted: at, at, socket: null });
    },
    here,
    async everywhere(id) {
      const others = (await routes.replicas()).filter(({ self }) => !self);
      const answers = await Promise.all(others.map((replica) => routes.ask(replica.id, { kind: 'trace', id })));
      const all = [here(id), ...answers.filter(isTrace)].filter((trace) => trace !== undefined);
      return all.length === 0 ? undefined : merge(all);
    },
  };
}

function recipientsOf(steps: readonly Step[]): Readonly<Record<string, RecipientTrace>> {
  const recipients = new Map<string, RecipientTrace>();
  for (const { user, accepted, at, socket } of steps) {
    const own = recipients.get(user) ?? { accepted, delivered: [], confirmed: null };
    recipients.set(user, own);
    if (socket === null) own.confirmed ??= at;
    else if (socket !== undefined) own.delivered.push({ socket, at });
  }
  return Object.fromEntries(recipients);
}

function merge(all: readonly Trace[]): Trace {
  const request = all.find((trace) => trace.request !== undefined)?.request;
  const accepted = Math.min(...all.map((trace) => trace.accepted));
  const recipients = new Map<string, RecipientTrace>();
  for (const [user, seen] of all.flatMap(({ recipients }) => Object.entries(recipients))) {
    const known = recipients.get(user);
    recipients.set(user, {
      accepted: Math.min(seen.accepted, known?.accepted ?? seen.accepted),
      delivered: [...(known?.delivered ?? []), ...seen.delivered],
      confirmed: known?.confirmed ?? seen.confirmed,
    });
  }
  return { accepted, ...(request === undefined ? {} : { request }), recipients: Object.fromEntries(recipients) };
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
