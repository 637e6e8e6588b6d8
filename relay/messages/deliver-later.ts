import type { Logger } from 'pino';
import { RelayError } from '../errors.js';
import { persevere } from '../store/persevere.js';
import type { Accept } from './accept.js';
import type { Notification } from './notification.js';
import type { UnderWay } from './under-way.js';

/** Takes a message at once, or when the store is back. @throws RelayError `store_unavailable` where too many wait */
export type DeliverLater = (sender: string, notification: Notification) => Promise<void>;

/** Messages of up to 64 KiB that may wait for the store. */
const LIMIT = 1_000;

/**
 * For messages that nobody would come with again: PHP has persisted them. Those of a sender wait in their order. Each is
 * tried at once, so that it is shown on this replica also while the store is away.
 */
export function createDeliverLater(accept: Accept, underWay: UnderWay, log: Logger): DeliverLater {
  /** The last that waits, by sender. */
  const waiting = new Map<string, Promise<unknown>>();
  let count = 0;

  async function take(notification: Notification): Promise<void> {
    const onAway = (error: RelayError) =>
      log.debug({ id: notification.id, err: error }, 'a message waits for the store');
    try {
      await persevere(() => accept(notification), { over: () => false, onAway });
    } catch (error) {
      log.error({ id: notification.id, err: error }, 'a message that PHP has persisted was not delivered');
    }
  }

  function wait(sender: string, notification: Notification): void {
    if (count === 0) log.warn('the store is away: messages that PHP has persisted wait for it');
    count += 1;
    const taken = underWay.track((waiting.get(sender) ?? Promise.resolve()).then(() => take(notification)));
    waiting.set(sender, taken);
    void taken.then(() => {
      count -= 1;
      if (waiting.get(sender) === taken) waiting.delete(sender);
    });
  }

  return async (sender, notification) => {
    try {
      await accept(notification);
    } catch (error) {
      const isAway = error instanceof RelayError && error.code === 'store_unavailable';
      if (!isAway || count >= LIMIT) throw error;
      wait(sender, notification);
    }
  };
}
