import type { Logger } from 'pino';
import type { Left, Presence } from '../store/store.js';

/** Tells the store who left, and tells it again when it was away. */
export interface Leaving {
  /** @param lost as in `Presence.leave` */
  leave(user: string, socketId: string, lost: Left | true | undefined): void;
  /** Resolves when the store has heard that this socket left, if it did. Rejects while the store is away. */
  told(socketId: string): Promise<void>;
  /** Resolves when all that can be told now was told. */
  idle(): Promise<void>;
  /** Tells what the store could not be told. Rejects while it still is away. */
  retell(): Promise<void>;
}

type Leave = Parameters<Presence['leave']>;

/** How many are told at once. */
const CHUNK = 200;

export function createLeaving(presence: Pick<Presence, 'leave'>, log: Logger): Leaving {
  const telling = new Map<string, Promise<void>>();
  const untold = new Map<string, Leave>();

  async function tell(left: Leave): Promise<void> {
    await presence.leave(...left);
    untold.delete(left[1]);
  }

  async function told(socketId: string): Promise<void> {
    await telling.get(socketId);
    const left = untold.get(socketId);
    if (left !== undefined) await tell(left);
  }

  async function retell(): Promise<void> {
    const sockets = [...untold.keys()];
    for (let index = 0; index < sockets.length; index += CHUNK)
      await Promise.all(sockets.slice(index, index + CHUNK).map(told));
  }

  return {
    leave(user, socketId, lost) {
      const left: Leave = [user, socketId, lost];
      untold.set(socketId, left);
      const done = tell(left)
        .catch((error: unknown) =>
          log.debug({ user, socket: socketId, err: error }, 'leave not stored, kept for later'),
        )
        .finally(() => telling.delete(socketId));
      telling.set(socketId, done);
    },
    told,
    async idle() {
      await Promise.all(telling.values());
      // the store may have come back since
      await retell().catch((error: unknown) => log.warn({ left: untold.size, err: error }, 'leaves not stored'));
    },
    retell,
  };
}
