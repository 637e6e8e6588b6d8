import { cursorOf, parseCursor } from '../store/cursor.js';
import type { Joined } from '../store/store.js';
import type { Outlet } from './outlet.js';

/** What a socket is told when it is registered (CONTRACT section 4). */
export interface Attached {
  readonly cursor: string;
  readonly recovered: boolean | null;
  readonly replayed: number;
}

/** The place of a cursor, if all after it was sent to the outlet or is still in the inbox. */
export function reached(outlet: Outlet, joined: Joined, cursor: string): number | undefined {
  const asked = parseCursor(cursor);
  if (asked?.epoch !== joined.epoch || asked.seq > joined.seq) return undefined;
  return asked.seq >= Math.min(outlet.start, joined.floor) ? asked.seq : undefined;
}

/** From where a socket is served that is new here: from its cursor, if the inbox still reaches back to it. */
export function resumeFrom(joined: Joined, cursor: string | undefined): { attached: Attached; from: number } {
  const asked = parseCursor(cursor);
  const head = cursorOf(joined);
  if (cursor === undefined) return { attached: { cursor: head, recovered: null, replayed: 0 }, from: joined.seq };
  const reaches = asked?.epoch === joined.epoch && asked.seq <= joined.seq && asked.seq >= joined.floor;
  if (asked === undefined || !reaches) {
    return { attached: { cursor: head, recovered: false, replayed: 0 }, from: joined.seq };
  }
  return { attached: { cursor, recovered: true, replayed: joined.seq - asked.seq }, from: asked.seq };
}
