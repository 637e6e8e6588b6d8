import type { Logger } from 'pino';
import type { Confirmer } from '../messages/confirm.js';
import type { Hub } from '../messages/hub.js';
import type { Outlet } from '../messages/outlet.js';

/** A replica that stops: no new connections, and its sockets are sent elsewhere, spread over a time. */
export interface Drain {
  readonly started: boolean;
  /** Resolves when every socket has been closed. `faster` cuts the spreading short. */
  run(): Promise<void>;
}

export interface DrainOptions {
  readonly hub: Hub;
  readonly confirmer: Confirmer;
  readonly seconds: number;
  readonly log: Logger;
}

/** What was written is given this long to be confirmed before the close, ms: it need not be shown again elsewhere. */
const LAST_WORD = 1_000;

export function createDrain({ hub, confirmer, seconds, log }: DrainOptions): Drain {
  let started = false;

  const all = () => [...hub.users()].flatMap((user) => hub.outlets(user));

  async function release(outlet: Outlet): Promise<void> {
    outlet.live = false;
    await confirmer.answers(outlet, LAST_WORD);
    // closed beneath Socket.IO: its own disconnect would tell the client not to come back
    outlet.pipe.close('draining');
  }

  return {
    get started() {
      return started;
    },
    async run() {
      started = true;
      const outlets = all();
      log.info({ sockets: outlets.length, seconds }, 'draining: sockets are closed');
      const step = (seconds * 1000) / Math.max(1, outlets.length);
      const begun = performance.now();
      const releases = outlets.map(async (outlet, index) => {
        await until(begun + index * step);
        await release(outlet);
      });
      await Promise.all(releases);
      // who was still on the way to a user when it began
      await Promise.all(all().map(release));
    },
  };
}

function until(time: number): Promise<void> {
  const left = time - performance.now();
  return left <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, left));
}
