import { type Effort, effortOf } from '../measure/effort.js';
import type { Running } from '../servers.js';
import { callAll } from './callers.js';
import type { Crowd } from './crowd.js';
import { deferred } from './deferred.js';
import { createLedger, type Ledger } from './ledger.js';
import { messageOf, notifyRequest } from './message.js';

export interface Delivery extends Effort {
  /** ms of each notify, from request written to its last frame read. */
  readonly latencies: Float64Array;
}

export interface DeliveryOptions {
  readonly server: Running;
  readonly crowd: Crowd;
  readonly notifies: number;
  readonly concurrency: number;
  /** Every notify goes to all users; else to one, in turn. */
  readonly toAll?: boolean;
  /** Processes whose processor time counts as well. */
  readonly helpers?: readonly number[];
}

const PATIENCE = 20_000;
let nextId = 1;

/**
 * Hands messages over as PHP does and waits until every page has what it is to have.
 * @throws Error when a message is lost, repeated, changed or shown to a wrong page
 */
export async function deliver(options: DeliveryOptions): Promise<Delivery> {
  const { server, crowd, notifies, concurrency, toAll = false, helpers = [] } = options;
  const { users, pages } = crowd;
  const first = nextId;
  nextId += notifies;
  const everyone = Array.from({ length: users }, (_, user) => user);
  const recipients = (index: number) => (toAll ? everyone : [index % users]);
  const messages = Array.from({ length: notifies }, (_, index) => messageOf(first + index, index % users));
  const requests = messages.map((message, index) => notifyRequest(recipients(index), message));
  const perUser = pages / users;
  const ledger = createLedger({
    messages,
    copies: toAll ? pages : perUser,
    copyOf(index, page) {
      if (toAll) return page;
      return page % users === index % users ? Math.floor(page / users) : -1;
    },
  });
  crowd.listen(ledger.received);

  const effort = await effortOf(server.pids, helpers, () =>
    watched(ledger, [
      crowd.lost,
      Promise.all([callAll({ ports: server.callPorts, concurrency, requests, onSent: ledger.sent }), ledger.complete]),
    ]),
  );
  // what came after everything had come
  if (ledger.problem !== undefined) throw new Error(ledger.problem);
  return { ...effort, latencies: ledger.latencies() };
}

/** Rejects also when nothing more comes; the whole may take as long as it takes. */
async function watched(ledger: Ledger, work: readonly Promise<unknown>[]): Promise<void> {
  const stuck = deferred<never>();
  let before = ledger.missing;
  const watch = setInterval(() => {
    if (ledger.missing === before) stuck.reject(new Error(`${ledger.missing} frames never came`));
    before = ledger.missing;
  }, PATIENCE);
  await Promise.race([...work, stuck.promise]).finally(() => clearInterval(watch));
}
