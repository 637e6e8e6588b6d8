import type { Message } from '../store/store.js';
import type { Hub } from './hub.js';

/** Shows what could not be stored to the sockets of this replica (CONTRACT section 8, 7). */
export interface Early {
  /** @param alias another id, under which the user may have got it already */
  show(user: string, message: Message, alias?: string): void;
  /** The store is back and sockets are being announced again: until `done`, they may be owed older messages. */
  restoring(done: Promise<unknown>): void;
}

/**
 * How long a message waits for the store, milliseconds. Another replica may be back with the store a moment earlier
 * and have accepted an older message of the conversation: shown at once, this one would come before it. More than what
 * a connection takes between two attempts (store/redis/connect.ts).
 */
const PATIENCE = 600;
/** What the announced sockets have missed is read this much later at the latest, milliseconds. */
const CATCHING_UP = 100;

export function createEarly(hub: Pick<Hub, 'showEarly'>): Early {
  let restoring = 0;

  function later(milliseconds: number, task: () => void): void {
    setTimeout(task, milliseconds).unref();
  }

  function showOnceRestored(user: string, message: Message, alias?: string): void {
    if (restoring > 0) later(CATCHING_UP, () => showOnceRestored(user, message, alias));
    else hub.showEarly(user, message, alias);
  }

  return {
    show: (user, message, alias) => later(PATIENCE, () => showOnceRestored(user, message, alias)),
    restoring(done) {
      restoring += 1;
      const over = () =>
        later(CATCHING_UP, () => {
          restoring -= 1;
        });
      done.then(over, over);
    },
  };
}
