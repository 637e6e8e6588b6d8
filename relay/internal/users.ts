import type { FastifyInstance } from 'fastify';
import { stateOf } from '../presence/watching.js';
import { cursorOf, parseCursor } from '../store/cursor.js';
import type { Inbox, Position, Presence } from '../store/store.js';
import { readUser } from './read-user.js';

export interface UserRoutesOptions {
  readonly presence: Presence;
  readonly inbox: Inbox;
}

/** How many of the newest messages are named. */
const NEWEST = 10;

/** `GET /users/:user`: somebody's sockets and how far each has confirmed, and what is in the inbox; no contents. */
export function addUserRoutes(app: FastifyInstance, { presence, inbox }: UserRoutesOptions): void {
  app.get<{ Params: { user: string } }>('/users/:user', async ({ params }) => {
    const user = readUser(params.user, '/user');
    const [sockets, confirmed, [state], position] = await Promise.all([
      presence.sockets(user),
      presence.confirmed(user),
      presence.lookup([user]),
      inbox.position(user),
    ]);
    return {
      user,
      online: sockets.length > 0,
      last_seen: stateOf(sockets.length, state?.lastSeen).last_seen,
      sockets: sockets.map(({ id, replica, since, address, userAgent, transport }) => ({
        id,
        replica,
        since: new Date(since).toISOString(),
        address,
        user_agent: userAgent,
        transport,
        ...howFar(confirmed.get(id), position),
      })),
      inbox: await showInbox(inbox, user, position),
    };
  });
}

/** `behind`: how many of the inbox it has not confirmed, `null` where that can't be told. */
function howFar(cursor: string | undefined, position: Position | undefined): object {
  const confirmed = parseCursor(cursor);
  const behind = confirmed === undefined || confirmed.epoch !== position?.epoch ? null : position.seq - confirmed.seq;
  return { confirmed: cursor ?? null, behind };
}

async function showInbox(inbox: Inbox, user: string, position: Position | undefined): Promise<object> {
  if (position === undefined) return { length: 0, cursor: null, newest: [] };
  const { epoch, seq, floor, entries } = await inbox.read(user, Math.max(0, position.seq - NEWEST), NEWEST);
  const newest = entries.map(({ id, event, at, seq: own }) => {
    return { id, event, accepted: new Date(at).toISOString(), cursor: cursorOf({ epoch, seq: own }) };
  });
  return { length: seq - floor, cursor: cursorOf({ epoch, seq }), newest: newest.reverse() };
}
