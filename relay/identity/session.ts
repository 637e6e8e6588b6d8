import type { Backend } from '../backend.js';
import { RelayError } from '../errors.js';
import { createExpiringMap } from '../store/expiring-map.js';
import type { Identity } from './identity.js';
import { fingerprint } from './token.js';

/** The user that the site's own session cookie stands for. */
export interface Sessions {
  /** @throws RelayError `backend_unavailable` when the backend is down and the cookie was never seen */
  identify(cookie: string): Promise<Identity | undefined>;
}

/** Milliseconds for which an answer is believed; and for which it is fallen back upon while the backend is down. */
const BELIEVED_FOR = 60_000;
const REMEMBERED_FOR = 86_400_000;
const LIMIT = 100_000;

export function createSessions(backend: Backend): Sessions {
  const fresh = createExpiringMap<{ user: string | undefined }>(BELIEVED_FOR, LIMIT);
  const remembered = createExpiringMap<string>(REMEMBERED_FOR, LIMIT);
  const asking = new Map<string, Promise<string | undefined>>();

  async function ask(cookie: string, print: string): Promise<string | undefined> {
    try {
      const user = await backend.identify(cookie);
      fresh.set(print, { user });
      if (user === undefined) remembered.delete(print);
      else remembered.set(print, user);
      return user;
    } catch (error) {
      const known = remembered.get(print);
      const away = error instanceof RelayError && error.code === 'backend_unavailable';
      if (away && known !== undefined) return known;
      throw error;
    }
  }

  return {
    async identify(cookie) {
      const print = fingerprint(cookie);
      const known = fresh.get(print);
      const running = known === undefined ? (asking.get(print) ?? ask(cookie, print)) : undefined;
      if (running !== undefined) asking.set(print, running);
      const user = known === undefined ? await running?.finally(() => asking.delete(print)) : known.user;
      return user === undefined ? undefined : { user, proof: 'session', browser: [`s:${print}`] };
    },
  };
}
