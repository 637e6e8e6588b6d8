import type { FastifyInstance } from 'fastify';
import { isPayload } from '../messages/legacy-fields.js';
import { stateOf } from '../presence/watching.js';
import type { Presence, Routes } from '../store/store.js';
import { invalid, readUser } from './read-user.js';

export interface PresenceRoutesOptions {
  readonly presence: Presence;
  readonly routes: Routes;
}

const MOST_USERS = 10_000;

/** Who is here, and sending somebody away (CONTRACT section 6). */
export function addPresenceRoutes(app: FastifyInstance, { presence, routes }: PresenceRoutesOptions): void {
  app.get<{ Querystring: { users?: string } }>('/presence', async ({ query, raw }) => {
    const users = readUsers(query.users, raw.url ?? '');
    const found = await presence.lookup(users);
    const entries = users.map((user, index) => {
      const { sockets = 0, lastSeen } = found[index] ?? {};
      return [user, { online: sockets > 0, sockets, last_seen: stateOf(sockets, lastSeen).last_seen }];
    });
    return { users: Object.fromEntries(entries) };
  });

  app.get<{ Params: { user: string } }>('/presence/:user', async ({ params }) => {
    const user = readUser(params.user, '/user');
    const sockets = await presence.sockets(user);
    return {
      user,
      sockets: sockets.map(({ id, replica, since, address, userAgent, transport }) => {
        return { id, replica, since: new Date(since).toISOString(), address, user_agent: userAgent, transport };
      }),
    };
  });

  app.post('/disconnect', async ({ body }) => {
    const { user: given, reason = 'disconnected' } = isPayload(body) ? body : {};
    const user = readUser(given, '/user');
    if (typeof reason !== 'string' || reason.length > 200)
      throw invalid('/reason', 'must be a text of at most 200 characters');
    const replicas = new Set((await presence.sockets(user)).map(({ replica }) => replica));
    const closed = await Promise.all([...replicas].map((id) => routes.ask(id, { kind: 'disconnect', user, reason })));
    return { closed: closed.reduce((sum: number, count) => sum + (typeof count === 'number' ? count : 0), 0) };
  });
}

/** The ids of `?users=17,42`: each percent-encoded on its own, so that an id may hold a comma. */
function readUsers(parsed: string | undefined, url: string): readonly string[] {
  const raw = /[?&]users=([^&]*)/.exec(url)?.[1];
  if (parsed === undefined || raw === undefined || raw === '')
    throw invalid('/users', 'must be a comma list of user ids');
  const users = raw.split(/,/).map((part) => readUser(decode(part), '/users'));
  if (users.length > MOST_USERS) throw invalid('/users', `must name at most ${MOST_USERS} users`);
  return [...new Set(users)];
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part.replace(/\+/g, ' '));
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
