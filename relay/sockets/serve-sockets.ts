import type { Logger } from 'pino';
import type { Server } from 'socket.io';
import type { Config } from '../config.js';
import { type ErrorBody, errorBody, RelayError } from '../errors.js';
import type { Registration } from '../identity/registration.js';
import type { Metrics } from '../metrics.js';
import type { Ack, ClientEvents, ServerEvents, Socket, SocketData } from '../protocol.js';
import { createRate } from '../rate.js';
import { createCork } from '../together.js';
import type { Connection } from './connection.js';
import { createConnectionLife, type Handler } from './connection-life.js';
import { BURST, watchConnections } from './connections.js';
import { endedCleanly } from './ending.js';
import { idleSocketOf } from './idle-socket.js';
import type { LegacyNotifier } from './legacy-notifier.js';
import type { Membership } from './membership.js';
import { writeTogether } from './one-write.js';
import type { PageNames } from './page-names.js';
import { createSocketPipe } from './pipe.js';
import { createRepeats } from './repeats.js';
import type { Visit } from './visit.js';
import type { Visits } from './visits.js';

export interface ServeSocketsOptions {
  readonly io: Server<ClientEvents, ServerEvents, Record<string, never>, SocketData>;
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
export function serveSockets(options: ServeSocketsOptions): void {
  const { io, visits, config, registration, notifier, metrics, log } = options;
  const connections = watchConnections({ ...options, engine: io.engine });
  const cork = createCork();
  const life = createConnectionLife({ ...options, registerTimeout: config.registerTimeout, onRefused: refused });

  io.use((socket, next) => {
    admit(socket).then(
      () => next(),
      (error: unknown) => next(connectError(socket, error)),
    );
  });

  async function admit(socket: Socket): Promise<void> {
    const idle = idleSocketOf(socket.conn);
    if (idle !== undefined) writeTogether(idle);
    const { token } = authOf(socket);
    if (token !== undefined) {
      const identity = registration.byToken(token);
      await options.membership.admit(identity.user);
      socket.data.identity = identity;
    }
    connections.admit(socket.conn);
  }

  function connectError(socket: Socket, error: unknown): Error {
    const body = errorBody(error);
    const { scope } = body;
    const visit = visits.of(socket.conn);
    metrics.rejected.inc({ code: body.code });
    log.warn({ code: body.code, scope, address: visit.address, ...proxyHint(visit, body) }, `refused: ${body.message}`);
    return Object.assign(new Error(body.message), { data: body });
  }

  io.on('connection', (socket) => {
    const { conn } = socket;
    const visit = visits.of(conn);
    const { address } = visit;
    visit.becameSocket = true;
    socket.on('error', (error: unknown) => unreadable(socket, error));
    log.debug({ socket: socket.id, address, transport: conn.transport.name, origin: visit.origin }, 'connected');
    if (visit.notifier) return serveNotifier(socket, address);
    const pipe = createSocketPipe({
      conn,
      limit: config.maxBuffered,
      cork,
      onSlow: () => {
        metrics.slowConsumers.inc();
        log.warn({ socket: socket.id, address }, 'closed: a slow consumer, too much is queued for it');
      },
    });
    const { cursor, meta } = authOf(socket);
    const connection = life.begin({ socket, pipe, visit, cursor, meta }, socket.data.identity);
    visit.onOversize = () => {
      if (pipe.closing !== undefined) return;
      expel(connection, new RelayError('payload_too_large', `an event must be at most ${config.maxPayload} bytes`));
    };
    socket.onAny((event: string, ...args: unknown[]) => receive(connection, event, args));
    socket.on('disconnect', (reason) => leave(connection, reason));
  });

  function receive(connection: Connection, event: string, args: unknown[]): void {
    if (connection.pipe.closing !== undefined) return;
    const ack = typeof args.at(-1) === 'function' ? (args.pop() as Ack) : undefined;
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
    const clean = endedCleanly(reason, pipe);
    const why = pipe.closing ?? reason;
    metrics.disconnects.inc({ reason: why });
    log.debug({ socket: socket.id, reason: why, code: pipe.closeCode, clean }, 'disconnected');
    life.end(connection, clean);
    connection.repeats?.end();
    // a client that gave its socket back and holds on to the connection has no use for it
    if (socket.conn.readyState === 'open') socket.conn.close();
  }

  /** ElephantIO comes the stock way and counts as PHP. */
  function serveNotifier(socket: Socket, address: string): void {
    socket.onAny((event: string, ...args: unknown[]) => {
      const ack = typeof args.at(-1) === 'function' ? (args.pop() as Ack) : undefined;
      void notifier.receive(event, args, { address }).then(ack);
    });
  }

  /** Not what a page says under that name: that is an event like any other. */
  function unreadable(socket: Socket, error: unknown): void {
    if (!(error instanceof Error)) return;
    metrics.rejected.inc({ code: 'invalid_payload' });
    log.warn({ code: 'invalid_payload', socket: socket.id, reason: error.message }, 'refused: an unreadable packet');
  }

  function refuseName(socket: Socket, ack: Ack | undefined): void {
    const message = `an event's name has at most ${LONGEST_NAME} characters`;
    const error = errorBody(new RelayError('invalid_payload', message));
    refused(socket, error, '<too long>');
    ack?.({ ok: false, error });
  }

  function refused(socket: Socket, { code, message }: ErrorBody, event: string): void {
    metrics.rejected.inc({ code });
    log.warn({ code, event, socket: socket.id }, `refused: ${message}`);
  }
}

interface Auth {
  readonly token: string | undefined;
  readonly cursor: string | undefined;
  readonly meta: boolean;
}

/** What the handshake's `auth` holds. A cursor that is no string is kept as one that no inbox knows. */
function authOf(socket: Socket): Auth {
  const { token, cursor, meta } = socket.handshake.auth as Readonly<Record<string, unknown>>;
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
