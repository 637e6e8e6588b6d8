import type { Logger } from 'pino';
import { type ErrorBody, errorBody, RelayError } from '../errors.js';
import { ownIdIn } from '../identity/claim.js';
import type { Identity } from '../identity/identity.js';
import type { Registration } from '../identity/registration.js';
import { readWho, type Who } from '../identity/who.js';
import { payloadOf } from '../messages/legacy-fields.js';
import type { Ack, Socket } from '../protocol.js';
import { persevere } from '../store/persevere.js';
import type { Member, Membership } from './membership.js';
import { OUR_EVENTS } from './unknown-events.js';
import type { Visit } from './visit.js';

/** The life of one socket: who it is, events that must wait until that is known, and its end. */
export interface Connection {
  receive(event: string, args: readonly unknown[], ack: Ack | undefined): void;
  /** Gone, cleanly or not. */
  end(clean: boolean): void;
}

/** Does what an event asks and answers what its ack is told. */
export type Handler = (member: Member, event: string, payload: unknown) => Promise<unknown>;

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly visit: Visit;
  /** Proven at the handshake. */
  readonly identity: Identity | undefined;
  readonly cursor: string | undefined;
  readonly meta: boolean;
  readonly registration: Registration;
  readonly membership: Membership;
  readonly handle: Handler;
  readonly log: Logger;
  /** Seconds. */
  readonly registerTimeout: number;
  /** An event that came before a user was known, and that is none of ours. */
  readonly onUnknown: (event: string, payload: unknown) => void;
  readonly onRefused: (error: ErrorBody, event: string) => void;
  /** Ends the connection in the way that makes an unmodified client reconnect. */
  readonly hangUp: (reason: string) => void;
}

interface Held {
  readonly event: string;
  readonly args: readonly unknown[];
  readonly ack: Ack | undefined;
}

const HELD_LIMIT = 64;
/**
 * How long a claim made over polling waits for the upgrade's cookie, milliseconds: with it the browser is recognised
 * and continued where it was. Later it is believed without.
 */
const CLAIM_PATIENCE = 1_000;
/** Between attempts to have a session identified while the backend is away, milliseconds, and up to twice that. */
const ASK_AGAIN = 1_000;

export function createConnection(options: ConnectionOptions): Connection {
  const { socket, visit, registration, membership, handle, log } = options;
  let member: Member | undefined;
  let held: Held[] = [];
  let ended = false;
  /** Registrations, and events that need one, go one after the other. */
  let turn: Promise<void> = Promise.resolve();
  let sending: Promise<void> = Promise.resolve();
  let patience: NodeJS.Timeout | undefined;
  let again: NodeJS.Timeout | undefined;
  let complained = false;

  const timeout = setTimeout(() => enqueue(giveUp), options.registerTimeout * 1000);
  visit.onEvidence = () => {
    visit.onEvidence = undefined;
    enqueue(prove);
  };
  const { identity: proven } = options;
  enqueue(proven === undefined ? prove : () => become(proven, options.cursor, undefined));

  function enqueue(task: () => Promise<void>): void {
    turn = turn.then(() => (ended ? undefined : task())).catch((error: unknown) => failRegistration(error, undefined));
  }

  /** A store that is away is waited for, as in attaching: whoever reconnects then has no other way back. */
  function whenThere<T>(attempt: () => Promise<T>): Promise<T | undefined> {
    const onAway = (error: RelayError) =>
      log.warn({ socket: socket.id, err: error }, 'the store is away, identifying later');
    return persevere(attempt, { over: () => ended, onAway });
  }

  /** Over polling, before the upgrade, an unmodified page shows no cookie; and a backend may be asked again. */
  function proofMayCome(): boolean {
    if (again !== undefined) return true;
    return registration.readsCookies && visit.onEvidence !== undefined && socket.conn.transport.name === 'polling';
  }

  async function prove(): Promise<void> {
    clearTimeout(again);
    again = undefined;
    const identity = await whenThere(() => registration.byEvidence(visit)).catch(askAgain);
    if (identity === 'later') return;
    if (identity !== undefined && member === undefined) await become(identity, options.cursor, undefined);
    else if (identity !== undefined && identity.proof !== 'claim') await compare(identity);
    if (member?.identity.proof === 'claim' && visit.device !== undefined) await bindDevice(member);
    if (!proofMayCome()) await release();
  }

  /** A backend that is away for a moment is asked again: until then the page gets nothing, and would not come back. */
  function askAgain(error: unknown): 'later' {
    if (!(error instanceof RelayError) || error.code !== 'backend_unavailable') throw error;
    if (!complained) failRegistration(error, undefined);
    complained = true;
    again = setTimeout(() => enqueue(prove), ASK_AGAIN * (1 + Math.random()));
    return 'later';
  }

  /** A claim was believed for as long as nothing better was known. */
  async function compare(identity: Identity): Promise<void> {
    if (member === undefined || member.identity.user === identity.user) return;
    try {
      await registration.byWord(claimOf(member.identity.user), identity, visit);
    } catch (error) {
      failRegistration(error, undefined);
      socket.emit('relay_error', errorBody(error));
      options.hangUp('identity_mismatch');
    }
  }

  async function bindDevice(claimed: Member): Promise<void> {
    const { identity } = claimed;
    const bound = await whenThere(() => registration.byWord(claimOf(identity.user), identity, visit));
    if (bound !== undefined) await claimed.recognise(bound);
  }

  async function become(identity: Identity, cursor: string | undefined, ack: Ack | undefined): Promise<void> {
    if (member?.identity.user === identity.user) await member.again(identity, cursor, ack);
    else {
      member?.leave(false);
      const entered = membership.enter({ socket, visit, identity, cursor, meta: options.meta, ack });
      member = entered;
      await entered.ready.catch((error: unknown) => {
        member = undefined;
        throw error;
      });
    }
    clearTimeout(timeout);
    await release();
  }

  async function register({ args, ack }: Held): Promise<void> {
    try {
      const who = readWho(args[0]);
      const identity = await whenThere(() => registration.byWord(who, member?.identity, visit));
      if (identity === undefined) return;
      if (who.meta) options.membership.wantMeta(socket);
      await become(identity, who.cursor ?? (member === undefined ? options.cursor : undefined), ack);
      member?.spoke();
    } catch (error) {
      failRegistration(error, ack);
    }
  }

  /** By now it may be that the backend is to be asked again. */
  async function inTurn(one: Held, handleOne: (one: Held) => Promise<void>): Promise<void> {
    if (member === undefined && again !== undefined) hold(one);
    else await handleOne(one);
  }

  /** Handles what was held, in its order. */
  async function release(): Promise<void> {
    clearTimeout(patience);
    const waiting = held;
    held = [];
    for (const one of waiting) await (one.event === 'register_user' ? register(one) : perform(one));
  }

  async function perform(one: Held): Promise<void> {
    if (member === undefined && registration.believesClaims) {
      const own = ownIdIn(one.event, payloadOf(one.args[0]) ?? one.args[0]);
      const identity = own && (await whenThere(() => registration.byWord(claimOf(own), undefined, visit)));
      if (identity) await become(identity, options.cursor, undefined);
    }
    if (member !== undefined) return run(member, one);
    // it may be what an old page calls register_user
    if (!OUR_EVENTS.has(one.event)) options.onUnknown(one.event, one.args[0]);
    answer(one, new RelayError('proof_missing', `register_user must come before ${one.event}`));
  }

  function run(by: Member, { event, args, ack }: Held): void {
    const work = async () => {
      try {
        const result = await handle(by, event, args[0]);
        ack?.(result);
      } catch (error) {
        answer({ event, args, ack }, error);
      }
    };
    if (event === 'send_message') sending = sending.then(work);
    else void work();
  }

  async function giveUp(): Promise<void> {
    visit.onEvidence = undefined;
    clearTimeout(again);
    again = undefined;
    await release();
    if (member !== undefined) return;
    const error = new RelayError('register_timeout', `no user was known within ${options.registerTimeout} s`);
    options.onRefused(errorBody(error), 'register_user');
    socket.emit('relay_error', errorBody(error));
    options.hangUp('register_timeout');
  }

  function failRegistration(error: unknown, ack: Ack | undefined): void {
    answer({ event: 'register_user', args: [], ack }, error);
    socket.emit('registered', { ok: false, error: errorBody(error) });
  }

  function answer({ event, ack }: Held, error: unknown): void {
    if (!(error instanceof RelayError)) log.error({ err: error, socket: socket.id, event }, 'event failed');
    options.onRefused(errorBody(error), event);
    ack?.({ ok: false, error: errorBody(error) });
  }

  function hold(one: Held): void {
    if (held.length >= HELD_LIMIT) {
      answer(one, new RelayError('rate_limited', `more than ${HELD_LIMIT} events before a user was known`));
      return;
    }
    held.push(one);
    if (one.event === 'register_user' && registration.believesClaims) {
      patience ??= setTimeout(() => enqueue(release), CLAIM_PATIENCE);
    }
  }

  return {
    receive(event, args, ack) {
      const one = { event, args, ack };
      if (member === undefined && proofMayCome()) hold(one);
      else if (event === 'register_user') enqueue(() => inTurn(one, register));
      else if (member === undefined) enqueue(() => inTurn(one, perform));
      else run(member, one);
    },
    end(clean) {
      ended = true;
      clearTimeout(timeout);
      clearTimeout(patience);
      clearTimeout(again);
      visit.onEvidence = undefined;
      member?.leave(!clean);
    },
  };
}

function claimOf(user: string): Who {
  return { user, token: undefined, cursor: undefined, meta: false };
}
