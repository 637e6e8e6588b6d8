import type { Routes } from '../store/store.js';
import { isPayload } from './legacy-fields.js';
import { createSteps, type Step } from './steps.js';

/** What is known of one message: times are Unix milliseconds. */
export interface Trace {
  readonly accepted: number;
  /** Under which PHP handed it over for the first time. */
  readonly request?: string;
  readonly recipients: Readonly<Record<string, RecipientTrace>>;
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
  confirmed(id: string, user: string, accepted: number): void;
  /** What this replica saw. */
  here(id: string): Trace | undefined;
  /** What all replicas saw. */
  everywhere(id: string): Promise<Trace | undefined>;
}

const LIFE = 3_600_000;
/** Of a message to one socket there are four. */
const STEPS = 200_000;

export function createTraces(routes: Routes): Traces {
  const steps = createSteps(STEPS);

  function here(id: string): Trace | undefined {
    const found = steps.of(id, Date.now() - LIFE);
    const first = found.find(({ kind }) => kind !== 'requested');
    if (first === undefined) return undefined;
    const request = found.find(({ kind }) => kind === 'requested')?.by;
    const { accepted } = first;
    return { accepted, ...(request === undefined ? {} : { request }), recipients: recipientsOf(found) };
  }

  return {
    accepted: (id, user, at) => steps.add(id, 'accepted', user, '', at),
    requested: (id, request) => steps.add(id, 'requested', '', request, 0),
    delivered: (id, user, accepted, socket) => steps.add(id, 'delivered', user, socket, accepted),
    confirmed: (id, user, accepted) => steps.add(id, 'confirmed', user, '', accepted),
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
  for (const { kind, user, by, accepted, at } of steps) {
    if (kind === 'requested') continue;
    const own = recipients.get(user) ?? { accepted, delivered: [], confirmed: null };
    recipients.set(user, own);
    if (kind === 'confirmed') own.confirmed ??= at;
    else if (kind === 'delivered') own.delivered.push({ socket: by, at });
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
