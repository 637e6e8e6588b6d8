import type { Server as EngineServer, Socket as EngineSocket } from 'engine.io';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { type ErrorBody, errorBody, RelayError } from '../errors.js';
import type { Identity } from '../identity/identity.js';
import type { Registration } from '../identity/registration.js';
import type { Metrics } from '../metrics.js';
import type { Ack } from '../protocol.js';
import { createRate } from '../rate.js';
import { createCork } from '../together.js';
import type { Handler } from './answers.js';
import type { Connection } from './connection.js';
import { createConnectionLife } from './connection-life.js';
import { BURST, createConnections } from './connections.js';
import { endingOf } from './ending.js';
import { idleSocketOf } from './idle-socket.js';
import type { LegacyNotifier } from './legacy-notifier.js';
import type { Membership } from './membership.js';
import { writeTogether } from './one-write.js';
import type { PageNames } from './page-names.js';
import { createPageSockets, type PageSocket, type PageSockets } from './page-sockets.js';
import { createSocketPipes } from './pipe.js';
import { createRepeats } from './repeats.js';
import type { Visit } from './visit.js';
import type { Visits } from './visits.js';

export interface ServeSocketsOptions {
  readonly engine: EngineServer;
  readonly visits: Visits;
  readonly config: Config;
  readonly registration: Registration;
  readonly membership: Membership;
  readonly handle: Handler;
  readonly pageNames: PageNames;
  readonly onUnknown: (event: string, payload: unknown) => void;
  readonly notifier: LegacyNotifier;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Characters of an event's name: it is logged and remembered. */
const LONGEST_NAME = 128;

/** Takes sockets in, hands their events on, and sees them out. */
export function serveSockets(options: ServeSocketsOptions): PageSockets {
  const { visits, config, registration, notifier, metrics, log } = options;
  const connections = createConnections(options);
  const createPipe = createSocketPipes({
    limit: config.maxBuffered,
    cork: createCork(),
    onSlow({ id, conn }) {
      metrics.slowConsumers.inc();
      const { address } = visits.of(conn);
      log.warn({ socket: id, address }, 'closed: a slow consumer, too much is queued for it');
    },
  });
  const life = createConnectionLife({ ...options, registerTimeout: config.registerTimeout, onRefused: refused });

  async function admit(conn: EngineSocket, auth: Readonly<Record<string, unknown>>): Promise<Admitted> {
    const idle = idleSocketOf(conn);
    if (idle !== undefined) writeTogether(idle);
    const { token, cursor, meta } = readAuth(auth);
    const identity = token === undefined ? undefined : registration.byToken(token);
    if (identity !== undefined) await options.membership.admit(identity);
    connections.admit(conn);
    return { identity, cursor, meta };
  }

  function refusal(conn: EngineSocket, error: unknown): { message: string; data: ErrorBody } {
    const body = errorBody(error);
    const { scope } = body;
    const visit = visits.of(conn);
    metrics.rejected.inc({ code: body.code });
    log.warn({ code: body.code, scope, address: visit.address, ...proxyHint(visit, body) }, `refused: ${body.message}`);
    return { message: body.message, data: body };
  }

  function welcome(socket: PageSocket, { identity, cursor, meta }: Admitted): Guest {
    const { conn } = socket;
    const visit = visits.of(conn);
    const { address } = visit;
    visit.becameSocket = true;
    log.debug({ socket: socket.id, address, transport: conn.transport.name, origin: visit.origin }, 'connected');
    if (visit.notifier) return { notifier: address };
    const pipe = createPipe(socket.id, conn);
    return life.begin({ socket, pipe, visit, cursor, meta }, identity);
  }

  function mayCome(conn: EngineSocket, data: unknown, guest: Guest | undefined): boolean {
    const isTooLarge = connections.isTooLarge(conn, data);
    if (isTooLarge && guest === undefined) return turnAway(conn);
    if (isTooLarge && guest !== undefined && 'pipe' in guest && guest.pipe.closing === undefined) {
      expel(guest, new RelayError('payload_too_large', `an event must be at most ${config.maxPayload} bytes`));
    }
    return connections.mayCome(conn, data);
  }

  /** Nobody knows yet who it is: what is too large is not even parsed. */
  function turnAway(conn: EngineSocket): false {
    metrics.rejected.inc({ code: 'payload_too_large' });
    log.warn({ code: 'payload_too_large', address: visits.of(conn).address }, 'refused: a packet before any socket');
    conn.close();
    return false;
  }

  function hear(guest: Guest, event: string, args: unknown[], ack: Ack | undefined): void {
    // ElephantIO comes the stock way and counts as PHP
    if ('notifier' in guest) void notifier.receive(event, args, { address: guest.notifier }).then(ack);
    else receive(guest, event, args, ack);
  }

  function receive(connection: Connection, event: string, args: readonly unknown[], ack: Ack | undefined): void {
    if (connection.pipe.closing !== undefined) return;
    const fate = fateOf(connection, event, args[0], ack !== undefined);
    if (fate === 'too many') expel(connection, tooManyEvents());
    else if (fate === 'asks') take(connection, event, args[0], ack);
  }

  function take(connection: Connection, event: string, payload: unknown, ack: Ack | undefined): void {
    const tooLong = String(event).length > LONGEST_NAME;
    const meant = tooLong ? undefined : options.pageNames(event, payload);
    if (tooLong) refuseName(connection.socket, ack);
    else if (meant === undefined) ack?.({ ok: true });
    else life.receive(connection, meant.event, [meant.payload], ack);
  }

  function tooManyEvents(): RelayError {
    return new RelayError('rate_limited', `more than ${config.eventRate} events a second`);
  }

  /** Most sockets never say more than who they are: what counts them is made when the first event comes. */
  function fateOf(connection: Connection, event: string, payload: unknown, wantsAck: boolean) {
    const rate = config.eventRate;
    connection.rate ??= createRate(rate, rate * BURST);
    connection.repeats ??= createRepeats({
      rate,
      ask: (asked, about) => life.receive(connection, asked, [about], undefined),
    });
    const fate = wantsAck ? 'asks' : connection.repeats.look(event, payload);
    return fate === 'asks' && !connection.rate.take() ? 'too many' : fate;
  }

  function expel({ socket, pipe }: Connection, error: RelayError): void {
    refused(socket, errorBody(error), 'relay_error');
    socket.emit('relay_error', errorBody(error));
    pipe.close(error.code);
  }

  function leave(connection: Connection, reason: string): void {
    const { socket, pipe } = connection;
    const ending = endingOf(reason, pipe);
    const why = pipe.closing ?? reason;
    metrics.disconnects.inc({ reason: why });
    log.debug({ socket: socket.id, reason: why, code: pipe.closeCode, ending }, 'disconnected');
    life.end(connection, ending);
    connection.repeats?.end();
    // a client that gave its socket back and holds on to the connection has no use for it
    if (socket.conn.readyState === 'open') socket.conn.close();
  }

  function upgraded(guest: Guest): void {
    if ('member' in guest && guest.member !== undefined) options.membership.upgraded(guest.member);
  }

  function unreadable(socket: PageSocket, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    metrics.rejected.inc({ code: 'invalid_payload' });
    log.warn({ code: 'invalid_payload', socket: socket.id, reason }, 'refused: an unreadable packet');
  }

  function refuseName(socket: PageSocket, ack: Ack | undefined): void {
    const message = `an event's name has at most ${LONGEST_NAME} characters`;
    const error = errorBody(new RelayError('invalid_payload', message));
    refused(socket, error, '<too long>');
    ack?.({ ok: false, error });
  }

  function refused(socket: PageSocket, { code, message }: ErrorBody, event: string): void {
    metrics.rejected.inc({ code });
    log.warn({ code, event, socket: socket.id }, `refused: ${message}`);
  }

  return createPageSockets<Admitted, Guest>({
    engine: options.engine,
    patience: config.registerTimeout * 1000,
    onConnection: connections.open,
    mayCome,
    admit,
    refusal,
    onSocket: welcome,
    onEvent: hear,
    mayQueue: (guest) => 'notifier' in guest || !guest.pipe.overflows(),
    onUpgrade: upgraded,
    onEnd: (guest, reason) => ('notifier' in guest ? undefined : leave(guest, reason)),
    onUnreadable: unreadable,
    onClose: connections.close,
  });
}

/** Who has a socket: a page, or a notifier that comes as pages do, of which only the address matters. */
type Guest = Connection | { readonly notifier: string };

interface Admitted {
  /** Proven at the handshake. */
  readonly identity: Identity | undefined;
  readonly cursor: string | undefined;
  readonly meta: boolean;
}

interface Auth {
  readonly token: string | undefined;
  readonly cursor: string | undefined;
  readonly meta: boolean;
}

/** What the handshake's `auth` holds. A cursor that is no string is kept as one that no inbox knows. */
function readAuth({ token, cursor, meta }: Readonly<Record<string, unknown>>): Auth {
  if (token !== undefined && token !== null && typeof token !== 'string') {
    throw new RelayError('token_invalid', 'auth.token must be a string');
  }
  return {
    token: token ?? undefined,
    cursor: cursor === undefined || cursor === null ? undefined : String(cursor),
    meta: meta === true,
  };
}

function proxyHint({ forwarded }: Visit, { scope }: ErrorBody): object {
  if (scope !== 'address' || !forwarded) return {};
  return { hint: 'it sent X-Forwarded-For: if it is your proxy, name it in RELAY_TRUSTED_PROXIES' };
}
