import { errorBody, RelayError } from '../errors.js';
import { ownIdIn } from '../identity/claim.js';
import type { Identity } from '../identity/identity.js';
import type { Registration } from '../identity/registration.js';
import { claimOf, readWho } from '../identity/who.js';
import { payloadOf } from '../messages/legacy-fields.js';
import type { Ending } from '../messages/outlet.js';
import type { Ack } from '../protocol.js';
import { persevere } from '../store/persevere.js';
import { type AnswersOptions, createAnswers } from './answers.js';
import { type Connection, type Given, type Held, NOTHING_HELD, newConnection } from './connection.js';
import { createEvidence, stopAsking } from './evidence.js';
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

  const evidence = createEvidence({
    registration,
    membership,
    enqueue,
    whenThere,
    become,
    release,
    refuseRegistration,
  });

  return {
    begin(given, proven) {
      const connection = newConnection(given);
      watchRegistration(connection);
      const { visit } = given;
      if (registration.readsCookies) {
        visit.onEvidence = () => {
          visit.onEvidence = undefined;
          enqueue(connection, evidence.examine);
        };
      }
      enqueue(connection, proven === undefined ? evidence.examine : () => become(connection, proven, given.cursor));
      return connection;
    },
    receive(connection, event, args, ack) {
      const { member } = connection;
      const one = { event, args, ack };
      if (event === 'register_user') noteThatItSpeaks(connection);
      if (member !== undefined && event !== 'register_user' && mayRun(connection, member)) run(connection, member, one);
      else if (member === undefined && evidence.mayCome(connection)) hold(connection, one);
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

/** At once: that it did not, by the time that it answers a ping, tells something of its page. */
function noteThatItSpeaks(connection: Connection): void {
  connection.spoke = true;
  if (connection.member !== undefined) connection.member.outlet.spoke = true;
}

function wantMeta(connection: Connection): void {
  connection.meta = true;
  if (connection.member !== undefined) connection.member.outlet.meta = true;
}
