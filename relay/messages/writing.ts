import type { RecentSet } from '../store/recent-set.js';
import type { Message } from '../store/store.js';
import { type LocalUser, recentKey, rememberEarly, wasShownEarly } from './local-user.js';
import { earlyKey, type Outlet } from './outlet.js';
import { packetOf, packetWithMeta } from './packet.js';

/** Puts messages on their way to outlets. */
export interface Writing {
  /** A message in its place, unless it was shown early. `replay`: not as it came. */
  write(outlet: Outlet, epoch: string, seq: number, message: Message, replay: boolean): void;
  /** As `Hub.showEarly`. `local` is the user, if this replica holds it. */
  showEarly(user: string, local: LocalUser | undefined, message: Message, alias: string | undefined): void;
}

export interface WritingEvents {
  /** Something is about to be written that wants to be confirmed: whether a ping is to go out right behind it. */
  pingBehind(outlet: Outlet, replay: boolean): boolean;
  onWritten(outlet: Outlet, message: Message, replay: boolean): void;
  /** It came in its turn and had been shown early. */
  onSkipped(outlet: Outlet): void;
}

/** @param recent as the hub's */
export function createWriting(events: WritingEvents, recent: RecentSet | undefined): Writing {
  function send(outlet: Outlet, epoch: string, seq: number, message: Message, replay: boolean): void {
    const packet = outlet.meta ? packetWithMeta(message, { epoch, seq }) : packetOf(message);
    outlet.pipe.send(packet, events.pingBehind(outlet, replay));
    events.onWritten(outlet, message, replay);
  }

  return {
    write(outlet, epoch, seq, message, replay) {
      outlet.unconfirmed.push({ seq, message });
      // kept there until its place is confirmed: a socket that is lost before hands it on
      if (outlet.early.size > 0 && outlet.early.has(earlyKey(message))) {
        events.onSkipped(outlet);
        return;
      }
      if (replay) recent?.add(recentKey(outlet.user, message));
      send(outlet, epoch, seq, message, replay);
    },
    showEarly(user, local, message, alias) {
      const other = alias === undefined ? message : { ...message, id: alias };
      if (recent?.has(recentKey(user, message)) || recent?.has(recentKey(user, other))) {
        // PHP comes with it again as long as the store is away
        recent.add(recentKey(user, message));
        return;
      }
      for (const outlet of local?.outlets ?? []) {
        // one that is being caught up is owed older ones first
        if (!outlet.live || wasShownEarly(outlet, message, other)) continue;
        rememberEarly(outlet, earlyKey(message));
        send(outlet, local?.epoch ?? '', outlet.position, message, false);
      }
    },
  };
}
