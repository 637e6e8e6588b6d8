import type { Logger } from 'pino';
import { sameBrowser } from '../store/browser.js';
import type { Joined, Kept, Presence, Routes, SocketRecord } from '../store/store.js';
import type { Confirmer } from './confirm.js';
import type { Hub } from './hub.js';
import type { Leaving } from './leaving.js';
import type { Outlet } from './outlet.js';

/** Other sockets of the same browser: tabs that are alive, or what a lost network left behind. */
export interface Siblings {
  /**
   * From where the browser's earlier socket is to be continued: one that is gone, or does not answer any more.
   * Rejects while the store is away.
   */
  inherit(outlet: Outlet, joined: Joined): Promise<Kept | undefined>;
  /** Takes out of a user's sockets those that a lost network left behind of a browser. Rejects while the store is away. */
  retireDead(user: string, browser: readonly string[], replica: string): Promise<void>;
  /** Whether a socket of ours is alive; one that does not answer is closed, and the store knows it before this resolves. */
  answersHere(user: string, socketId: string): Promise<boolean>;
  /** Another replica took a socket of ours for dead. If it was not, its page has to connect again. */
  takenForDead(user: string, socketId: string): void;
}

export interface SiblingsOptions {
  readonly hub: Hub;
  readonly presence: Presence;
  readonly routes: Routes;
  readonly confirmer: Confirmer;
  readonly leaving: Leaving;
  readonly log: Logger;
  /** Takes a socket out as one that was lost. */
  readonly lose: (outlet: Outlet) => void;
}

/** How long a sibling has to answer a ping, milliseconds. */
const ANSWER_WITHIN = 2_000;
/** One that is alive has answered by then. Of one that is not, something will be kept for whichever tab comes back. */
const HARDLY_ALIVE = 300;

export function createSiblings(options: SiblingsOptions): Siblings {
  const { hub, presence, routes, confirmer, leaving, log, lose } = options;

  function find(user: string, socketId: string): Outlet | undefined {
    return hub.outlets(user).find(({ record }) => record.id === socketId);
  }

  async function answersHere(user: string, socketId: string): Promise<boolean> {
    const outlet = find(user, socketId);
    if (outlet !== undefined) {
      if (await confirmer.answers(outlet, ANSWER_WITHIN)) return true;
      expel(outlet);
    }
    await leaving.told(socketId);
    return false;
  }

  function expel(outlet: Outlet): void {
    // first out, then closed: a close over polling may take half a minute to be noticed
    lose(outlet);
    outlet.pipe.close('unresponsive');
  }

  async function retire(user: string, sibling: SocketRecord, self: string): Promise<void> {
    const { id: socket, replica } = sibling;
    const here = replica === self;
    const alive = here ? await answersHere(user, socket) : await routes.ask(replica, { kind: 'answers', user, socket });
    if (alive === true) return;
    await presence.leave(user, socket, true);
    if (here) return;
    // the answer may only have been late: a socket that is alive and that the store no longer knows would be deaf
    routes
      .ask(replica, { kind: 'taken_for_dead', user, socket })
      .catch((error: unknown) =>
        log.debug({ user, socket, err: error }, 'replica not told of a socket taken for dead'),
      );
  }

  /**
   * Without this, a socket that dies in the two seconds for which it waits would be kept beside the one it waited for, as
   * if they were two tabs, and a later one of that browser be shown all again from where the first stood.
   */
  function tellThatItWaits({ user, record, settled }: Outlet): NodeJS.Timeout | undefined {
    if (settled) return undefined;
    return setTimeout(() => {
      presence
        .waits(user, record.id)
        .catch((error: unknown) => log.debug({ user, socket: record.id, err: error }, 'that it waits is not stored'));
    }, HARDLY_ALIVE);
  }

  async function retireAll(outlet: Outlet, siblings: readonly SocketRecord[]): Promise<void> {
    const waiting = tellThatItWaits(outlet);
    try {
      await Promise.all(siblings.map((sibling) => retire(outlet.user, sibling, outlet.record.replica)));
    } finally {
      clearTimeout(waiting);
    }
  }

  return {
    async inherit(outlet, joined) {
      const { user, record } = outlet;
      if (record.browser.length === 0) return undefined;
      if (joined.siblings.length > 0) await retireAll(outlet, joined.siblings);
      // what it would take is its successor's
      if (outlet.closed) return undefined;
      return presence.reclaim(user, record.browser, record.id);
    },
    async retireDead(user, browser, replica) {
      const all = await presence.sockets(user);
      const own = all.filter((other) => sameBrowser(other.browser, browser));
      await Promise.all(own.map((sibling) => retire(user, sibling, replica)));
    },
    answersHere,
    takenForDead(user, socketId) {
      const outlet = find(user, socketId);
      if (outlet !== undefined) expel(outlet);
    },
  };
}
