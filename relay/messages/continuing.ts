import type { Logger } from 'pino';
import { unclear } from '../store/browser.js';
import { parseCursor } from '../store/cursor.js';
import { persevere } from '../store/persevere.js';
import type { Joined, Kept, Presence } from '../store/store.js';
import type { Confirmer } from './confirm.js';
import type { Hub } from './hub.js';
import type { Joining } from './joining.js';
import { type Outlet, setEarly } from './outlet.js';
import type { Siblings } from './siblings.js';

/** How a page goes on where its former socket was, where that is known only when the new one is served already. */
export interface Continuing {
  /** The browser has become known under further names: what an earlier socket of it is owed is replayed. */
  recognise(outlet: Outlet): Promise<void>;
  /**
   * A page that is loaded says by itself who it is, and loads its history. One that is still silent when it has
   * answered a ping goes on where it was, also if it seemed to have gone.
   */
  continueSilent(outlet: Outlet, joined: Joined): Promise<void>;
  /**
   * The page said by itself who it is: it was loaded just now, or does so at each connect. In the first case what its
   * socket has inherited is another tab's, which must find it too.
   */
  spoke(outlet: Outlet): void;
}

export interface ContinuingOptions {
  readonly hub: Hub;
  readonly presence: Presence;
  readonly confirmer: Confirmer;
  readonly joining: Joining;
  readonly siblings: Siblings;
  readonly log: Logger;
}

/** How long a page has to answer that may go on where it was, milliseconds. */
const SILENT_WITHIN = 10_000;

export function createContinuing(options: ContinuingOptions): Continuing {
  const { hub, presence, confirmer, joining, siblings, log } = options;

  /** What it was not sent since is written now. */
  function continueFrom(outlet: Outlet, { cursor }: Kept): void {
    const from = parseCursor(cursor);
    if (from !== undefined) void hub.rewind(outlet, from);
  }

  function spoke(outlet: Outlet): void {
    outlet.spoke = true;
    if (!outlet.inherited || outlet.closed) return;
    outlet.inherited = false;
    presence
      .lend(outlet.user, outlet.record.id)
      .catch((error: unknown) => log.debug({ err: error }, 'an inherited cursor was not lent'));
  }

  return {
    async recognise(outlet) {
      const joined = await joining.whenThere(outlet, () => joining.join(outlet));
      if (joined === undefined || !outlet.settled) return;
      const former = await joining.whenThere(outlet, () => siblings.inherit(outlet, joined));
      const isNew = former !== undefined && former.cursor !== outlet.continued;
      inheritFrom(outlet, former);
      if (isNew) continueFrom(outlet, former);
      await joining.confirm(outlet, joined);
    },
    async continueSilent(outlet, joined) {
      const { user, record } = outlet;
      const names = unclear(record.browser);
      if (names.length === 0 || !(await confirmer.answers(outlet, SILENT_WITHIN)) || outlet.spoke) return;
      const over = () => outlet.closed || outlet.spoke;
      const onAway = () => log.debug({ user, socket: record.id }, 'the store is away, continuing later');
      const former = await persevere(() => presence.reclaim(user, names, record.id), { over, onAway });
      if (former === undefined || outlet.closed) return;
      inheritFrom(outlet, former);
      // it spoke meanwhile: what was taken is another tab's
      if (outlet.spoke) return spoke(outlet);
      continueFrom(outlet, former);
      await joining.confirm(outlet, joined);
    },
    spoke,
  };
}

/** What the outlet has of the former one from now on. */
export function inheritFrom(outlet: Outlet, former: Kept | undefined): void {
  outlet.inherited = former !== undefined;
  outlet.continued = former?.cursor ?? outlet.continued;
  for (const key of former?.shown ?? []) setEarly(outlet, key, 0);
}
