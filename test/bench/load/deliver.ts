import { type Effort, effortOf } from '../measure/effort.js';
import type { Running } from '../servers.js';
import { callAll } from './callers.js';
import type { Crowd } from './crowd.js';
import { createLedger } from './ledger.js';
import { messageOf } from './message.js';
import { whileMoving } from './progress.js';

export interface Delivery extends Effort {
  /** ms of each notify, from request written to its last frame read. */
  readonly latencies: Float64Array;
  /** How many were handed to another replica than the one that their user's first page is connected to. */
  readonly elsewhere: number;
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

let nextId = 1;

/**
 * Hands messages over as PHP does and waits until every page has what it is to have.
 * @throws Error when a message is lost, repeated, changed or shown to a wrong page
 */
export async function deliver(options: DeliveryOptions): Promise<Delivery> {
  const { server, crowd, notifies, concurrency, toAll = false, helpers = [] } = options;
  const { dialect } = server;
  const { users, pages } = crowd;
  const first = nextId;
  nextId += notifies;
  const everyone = Array.from({ length: users }, (_, user) => user);
  const recipients = (index: number) => (toAll ? everyone : [index % users]);
  const messages = Array.from({ length: notifies }, (_, index) => messageOf(first + index, index % users));
  const requests = messages.map((message, index) => dialect.notify(recipients(index), message));
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
  let elsewhere = 0;

  const effort = await effortOf(server.pids, helpers, async () => {
    const called = callAll({
      ports: server.callPorts,
      concurrency,
      requests,
      taken: dialect.taken,
      onSent(index, port) {
        if ((index % users) % server.callPorts.length !== server.callPorts.indexOf(port)) elsewhere += 1;
        ledger.sent(index);
      },
    });
    const done = Promise.race([crowd.lost, Promise.all([called, ledger.complete])]);
    await whileMoving(done, () => ledger.missing, 'frames');
  });
  // what came after everything had come
  if (ledger.problem !== undefined) throw new Error(ledger.problem);
  return { ...effort, latencies: ledger.latencies(), elsewhere };
}
