import { errorBody, RelayError } from '../errors.js';
import { ownIdIn } from '../identity/claim.js';
import type { Identity } from '../identity/identity.js';
import type { Registration } from '../identity/registration.js';
import { readWho, type Who } from '../identity/who.js';
import { payloadOf } from '../messages/legacy-fields.js';
import type { Ending } from '../messages/outlet.js';
import type { Ack } from '../protocol.js';
import { persevere } from '../store/persevere.js';
import { type AnswersOptions, createAnswers } from './answers.js';
import { type Connection, type Given, type Held, NOTHING_HELD, newConnection } from './connection.js';
import type { Member, Membership } from './membership.js';
import { OUR_EVENTS } from './unknown-events.js';

/** The life of a socket, from its connection to its end. */
export interface ConnectionLife {
  /** @param proven at the handshake */
  begin(given: Given, proven: Identity | undefined): Connection;
  receive(connection: Connection, event: string, args: readonly unknown[], ack: Ack | undefined): void;
  end(connection: Connection, ending: Ending): void;
}

export interface ConnectionOptions extends AnswersOptions {
  readonly registration: Registration;
  readonly membership: Membership;
  /** Seconds. */
  readonly registerTimeout: number;
  /** An event that came before a user was known, and that is none of ours. */
  readonly onUnknown: (event: string, payload: unknown) => void;
}

const HELD_LIMIT = 64;
/**
 * How long a claim made over polling waits for the upgrade's cookie, milliseconds: with it the browser is recognised
 * and continued where it was. Later it is believed without.
 */
const CLAIM_PATIENCE = 1_000;
/** Between attempts to have a session identified while the backend is away, milliseconds, and up to twice that. */
const ASK_AGAIN = 1_000;

export function createConnectionLife(options: ConnectionOptions): ConnectionLife {
  const { registration, membership, log } = options;
  const { run, refuse, refuseRegistration } = createAnswers(options);

  function enqueue(to: Connection, task: (connection: Connection) => Promise<void>, tooLate?: () => void): void {
    to.turn = to.turn
      .then(() => (to.ended ? tooLate?.() : task(to)))
      .catch((error: unknown) => refuseRegistration(to, error, undefined));
  }

  /** A store that is away is waited for, as in attaching: whoever reconnects then has no other way back. */
  function whenThere<T>(connection: Connection, attempt: () => Promise<T>): Promise<T | undefined> {
    const onAway = (error: RelayError) =>
      log.warn({ socket: connection.socket.id, err: error }, 'the store is away, identifying later');
    return persevere(attempt, { over: () => connection.ended, onAway });
  }

  /** Over polling, before the upgrade, an unmodified page shows no cookie; and a backend may be asked again. */
  function proofMayCome({ socket, visit, again }: Connection): boolean {
    if (again !== undefined) return true;
    return registration.readsCookies && visit.onEvidence !== undefined && socket.conn.transport.name === 'polling';
  }

  async function prove(connection: Connection): Promise<void> {
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
    if (!proofMayCome(connection)) await release(connection);
  }

  /** A backend that is away for a moment is asked again: until then the page gets nothing, and would not come back. */
  function askAgain(connection: Connection, error: unknown): 'later' {
    if (!(error instanceof RelayError) || error.code !== 'backend_unavailable') throw error;
    if (!connection.complained) refuseRegistration(connection, error, undefined);
    connection.complained = true;
    connection.again = setTimeout(() => enqueue(connection, prove), ASK_AGAIN * (1 + Math.random()));
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

  async function become(connection: Connection, identity: Identity, cursor: string | undefined, ack?: Ack) {
    const { member } = connection;
    if (member?.identity.user === identity.user) {
      await membership.again(member, identity, cursor, ack);
      await release(connection);
      return;
    }
    connection.ahead += 1;
    try {
      await enter(connection, identity, cursor, ack);
      await release(connection);
    } finally {
      connection.ahead -= 1;
    }
  }

  async function enter(connection: Connection, identity: Identity, cursor: string | undefined, ack?: Ack) {
    const { socket, pipe, visit, meta, member } = connection;
    if (member !== undefined) {
      // who may not become another stays who he is
      await membership.admit(identity);
      if (!connection.ended) membership.leave(member, 'clean');
    }
    // it may have gone while that, or who it is, was looked up
    if (connection.ended) return;
    const entered = membership.enter({ socket, pipe, visit, meta, identity, cursor, ack });
    connection.member = entered.member;
    entered.member.outlet.spoke = connection.spoke;
    await entered.ready.catch((error: unknown) => {
      connection.member = undefined;
      watchRegistration(connection);
      throw error;
    });
    clearTimeout(connection.timeout);
    connection.timeout = undefined;
  }

  async function register(connection: Connection, { args, ack }: Held): Promise<void> {
    const { visit } = connection;
    try {
      const who = readWho(args[0]);
      const known = connection.member?.identity;
      const identity = await whenThere(connection, () => registration.byWord(who, known, visit));
      if (identity === undefined) return;
      if (who.meta) wantMeta(connection);
      const cursor = who.cursor ?? (connection.member === undefined ? connection.cursor : undefined);
      await become(connection, identity, cursor, ack);
      if (connection.member !== undefined) membership.spoke(connection.member);
    } catch (error) {
      refuseRegistration(connection, error, ack);
    }
  }

  /** By now it may be that the backend is to be asked again. */
  function inTurn(one: Held, handleOne: (connection: Connection, one: Held) => Promise<void>) {
    return async (connection: Connection): Promise<void> => {
      if (connection.member === undefined && connection.again !== undefined) hold(connection, one);
      else await handleOne(connection, one);
    };
  }

  function enqueueEvent(connection: Connection, one: Held): void {
    if (connection.ahead >= HELD_LIMIT) {
      refuse(connection, one, tooManyHeld());
      return;
    }
    connection.ahead += 1;
    const handleInTurn = inTurn(one, one.event === 'register_user' ? register : perform);
    const handle = (to: Connection) =>
      handleInTurn(to).finally(() => {
        to.ahead -= 1;
      });
    enqueue(connection, handle, () => sendAnyway(connection, one));
  }

  /** The page went while it was registered, and will not send again what it has sent. */
  function sendAnyway(connection: Connection, one: Held): void {
    if (one.event === 'send_message' && connection.member !== undefined) run(connection, connection.member, one);
  }

  /** Handles what was held, in its order. */
  async function release(connection: Connection): Promise<void> {
    clearTimeout(connection.patience);
    const waiting = connection.held;
    if (waiting.length === 0) return;
    connection.held = NOTHING_HELD;
    for (const one of waiting) {
      await (one.event === 'register_user' ? register(connection, one) : perform(connection, one));
    }
  }

  async function perform(connection: Connection, one: Held): Promise<void> {
    if (connection.member === undefined && registration.believesClaims) {
      const own = ownIdIn(one.event, payloadOf(one.args[0]) ?? one.args[0]);
      const { visit } = connection;
      const identity = own && (await whenThere(connection, () => registration.byWord(claimOf(own), undefined, visit)));
      if (identity) await become(connection, identity, connection.cursor);
    }
    if (connection.member !== undefined) return run(connection, connection.member, one);
    // it may be what an old page calls register_user
    if (!OUR_EVENTS.has(one.event)) options.onUnknown(one.event, one.args[0]);
    refuse(connection, one, new RelayError('proof_missing', `register_user must come before ${one.event}`));
  }

  /** One without a user is closed after a while. */
  function watchRegistration(connection: Connection): void {
    if (connection.ended) return;
    connection.timeout ??= setTimeout(() => enqueue(connection, giveUp), options.registerTimeout * 1000);
  }

  async function giveUp(connection: Connection): Promise<void> {
    connection.visit.onEvidence = undefined;
    stopAsking(connection);
    await release(connection);
    if (connection.member !== undefined) return;
    const error = new RelayError('register_timeout', `no user was known within ${options.registerTimeout} s`);
    options.onRefused(connection.socket, errorBody(error), 'register_user');
    connection.socket.emit('relay_error', errorBody(error));
    connection.pipe.close('register_timeout');
  }

  function hold(connection: Connection, one: Held): void {
    if (connection.held.length >= HELD_LIMIT) {
      refuse(connection, one, tooManyHeld());
      return;
    }
    connection.held = [...connection.held, one];
    if (one.event === 'register_user' && registration.believesClaims) {
      connection.patience ??= setTimeout(() => enqueue(connection, release), CLAIM_PATIENCE);
    }
  }

  return {
    begin(given, proven) {
      const connection = newConnection(given);
      watchRegistration(connection);
      const { visit } = given;
      if (registration.readsCookies) {
        visit.onEvidence = () => {
          visit.onEvidence = undefined;
          enqueue(connection, prove);
        };
      }
      enqueue(connection, proven === undefined ? prove : () => become(connection, proven, given.cursor));
      return connection;
    },
    receive(connection, event, args, ack) {
      const { member } = connection;
      const one = { event, args, ack };
      if (event === 'register_user') noteThatItSpeaks(connection);
      if (member !== undefined && event !== 'register_user' && mayRun(connection, member)) run(connection, member, one);
      else if (member === undefined && proofMayCome(connection)) hold(connection, one);
      else enqueueEvent(connection, one);
    },
    end(connection, ending) {
      connection.ended = true;
      clearTimeout(connection.timeout);
      clearTimeout(connection.patience);
      stopAsking(connection);
      connection.visit.onEvidence = undefined;
      if (connection.member !== undefined) membership.leave(connection.member, ending);
    },
  };
}

/** Nothing is before it; or what is waits for a store that is away, which a page need not do for what it asks. */
function mayRun({ ahead }: Connection, { outlet }: Member): boolean {
  return ahead === 0 || outlet.waits;
}

function tooManyHeld(): RelayError {
  return new RelayError('rate_limited', `more than ${HELD_LIMIT} events before a user was known`);
}

function stopAsking(connection: Connection): void {
  clearTimeout(connection.again);
  connection.again = undefined;
}

/** At once: that it did not, by the time that it answers a ping, tells something of its page. */
function noteThatItSpeaks(connection: Connection): void {
  connection.spoke = true;
  if (connection.member !== undefined) connection.member.outlet.spoke = true;
}

function wantMeta(connection: Connection): void {
  connection.meta = true;
  if (connection.member !== undefined) connection.member.outlet.meta = true;
}

function claimOf(user: string): Who {
  return { user, token: undefined, cursor: undefined, meta: false };
}
