import { errorBody, RelayError } from '../errors.js';
import type { Identity } from '../identity/identity.js';
import type { Registration } from '../identity/registration.js';
import { claimOf } from '../identity/who.js';
import type { Answers } from './answers.js';
import type { Connection } from './connection.js';
import type { Membership } from './membership.js';

/** What a page's browser shows by itself, with the handshake or with the upgrade behind it: cookies. */
export interface Evidence {
  /** Finds out by it who the page is, or whether it is who it says. In the connection's turn. */
  examine(connection: Connection): Promise<void>;
  /** Over polling, before the upgrade, an unmodified page shows no cookie; and a backend may be asked again. */
  mayCome(connection: Connection): boolean;
}

/** What the rest of a socket's life does for it. */
export interface EvidenceOptions extends Pick<Answers, 'refuseRegistration'> {
  readonly registration: Registration;
  readonly membership: Membership;
  enqueue(to: Connection, task: (connection: Connection) => Promise<void>): void;
  whenThere<T>(connection: Connection, attempt: () => Promise<T>): Promise<T | undefined>;
  become(connection: Connection, identity: Identity, cursor: string | undefined): Promise<void>;
  /** Handles what was held until it was known who the page is. */
  release(connection: Connection): Promise<void>;
}

/** Between attempts to have a session identified while the backend is away, milliseconds, and up to twice that. */
const ASK_AGAIN = 1_000;

export function createEvidence(options: EvidenceOptions): Evidence {
  const { registration, membership, enqueue, whenThere, become, release, refuseRegistration } = options;

  function mayCome({ socket, visit, again }: Connection): boolean {
    if (again !== undefined) return true;
    return registration.readsCookies && visit.onEvidence !== undefined && socket.conn.transport.name === 'polling';
  }

  async function examine(connection: Connection): Promise<void> {
    stopAsking(connection);
    const { visit } = connection;
    // whatever else its browser brings
    if (connection.member?.identity.proof === 'token') return release(connection);
    const identity = await whenThere(connection, () => registration.byEvidence(visit)).catch((error: unknown) =>
      askAgain(connection, error),
    );
    if (identity === 'later') return;
    const { member } = connection;
    if (identity !== undefined && member === undefined) await become(connection, identity, connection.cursor);
    else if (identity !== undefined && identity.proof !== 'claim' && !(await agrees(connection, identity))) return;
    await recogniseSession(connection, identity);
    await bindDevice(connection);
    if (!mayCome(connection)) await release(connection);
  }

  /** A backend that is away for a moment is asked again: until then the page gets nothing, and would not come back. */
  function askAgain(connection: Connection, error: unknown): 'later' {
    if (!(error instanceof RelayError) || error.code !== 'backend_unavailable') throw error;
    if (!connection.complained) refuseRegistration(connection, error, undefined);
    connection.complained = true;
    connection.again = setTimeout(() => enqueue(connection, examine), ASK_AGAIN * (1 + Math.random()));
    return 'later';
  }

  /** A claim was believed for as long as nothing better was known. */
  async function agrees(connection: Connection, identity: Identity): Promise<boolean> {
    const { member, socket, pipe, visit } = connection;
    if (member === undefined || member.identity.user === identity.user) return true;
    try {
      await registration.byWord(claimOf(member.identity.user), identity, visit);
      return true;
    } catch (error) {
      refuseRegistration(connection, error, undefined);
      socket.emit('relay_error', errorBody(error));
      pipe.close('identity_mismatch');
      return false;
    }
  }

  /** The upgrade may show another cookie of the same user than the polling before it, and the device that it was given. */
  async function recogniseSession({ member }: Connection, identity: Identity | undefined): Promise<void> {
    if (member?.identity.proof !== 'session' || identity?.proof !== 'session') return;
    await membership.recognise(member, identity);
  }

  async function bindDevice(connection: Connection): Promise<void> {
    const { member, visit } = connection;
    if (member?.identity.proof !== 'claim' || visit.device === undefined) return;
    const { identity } = member;
    const bound = await whenThere(connection, () => registration.byWord(claimOf(identity.user), identity, visit));
    if (bound !== undefined) await membership.recognise(member, bound);
  }

  return { examine, mayCome };
}

/** The backend is not asked any more who it is. */
export function stopAsking(connection: Connection): void {
  clearTimeout(connection.again);
  connection.again = undefined;
}
