import type { Logger } from 'pino';
import type { Server } from 'socket.io';
import type { Config } from '../config.js';
import { type ErrorBody, errorBody, RelayError } from '../errors.js';
import type { Identity } from '../identity/identity.js';
import type { Registration } from '../identity/registration.js';
import type { Metrics } from '../metrics.js';
import type { Ack, ClientEvents, ServerEvents, Socket } from '../protocol.js';
import { createRate } from '../rate.js';
import { createCork } from '../together.js';
import { createConnection, type Handler } from './connection.js';
import { BURST, watchConnections } from './connections.js';
import { endedCleanly } from './ending.js';
import type { LegacyNotifier } from './legacy-notifier.js';
import type { Membership } from './membership.js';
import type { PageNames } from './page-names.js';
import { createSocketPipe, type SocketPipe } from './pipe.js';
import { createRepeats } from './repeats.js';
import type { Visits } from './visits.js';

export interface ServeSocketsOptions {
  readonly io: Server<ClientEvents, ServerEvents, Record<string, never>, unknown>;
  readonly visits: Visits;
  readonly config: Config;
  readonly registration: Registration;
  readonly membership: Membership;
  readonly handle: Handler;
  readonly pageNames: PageNames;
  readonly onUnknown: (event: string, payload: unknown) => void;
  readonly notifier: LegacyNotifier;
  readonly pipes: WeakMap<Socket, SocketPipe>;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Characters of an event's name: it is logged and remembered. */
const LONGEST_NAME = 128;

/** Takes sockets in, hands their events on, and sees them out. */
export function serveSockets(options: ServeSocketsOptions): void {
  const { io, visits, config, registration, notifier, metrics, log } = options;
  const connections = watchConnections({ ...options, engine: io.engine });
  const proven = new WeakMap<Socket, Identity>();
  const cork = createCork();

  io.use((socket, next) => {
    admit(socket).then(
      () => next(),
      (error: unknown) => next(connectError(socket, error)),
    );
  });

  async function admit(socket: Socket): Promise<void> {
    const { token } = authOf(socket);
    if (token !== undefined) {
      const identity = registration.byToken(token);
      await options.membership.admit(identity.user);
      proven.set(socket, identity);
    }
    connections.admit(socket.conn);
  }

  function connectError(socket: Socket, error: unknown): Error {
    const body = errorBody(error);
    const { scope } = body;
    const { address } = visits.of(socket.conn);
    metrics.rejected.inc({ code: body.code });
    log.warn({ code: body.code, scope, address, ...proxyHint(socket, body) }, `refused: ${body.message}`);
    return Object.assign(new Error(body.message), { data: body });
  }

  io.on('connection', (socket) => {
    const { conn } = socket;
    const visit = visits.of(conn);
    const { address } = visit;
    const origin = socket.handshake.headers.origin;
    connections.became(conn);
    socket.on('error', (error: unknown) => unreadable(socket, error));
    log.info({ socket: socket.id, address, transport: conn.transport.name, origin }, 'connected');
    if (notifier.isStockNotifier(socket.request)) return serveNotifier(socket, address);
    const pipe = createSocketPipe({
      conn,
      limit: config.maxBuffered,
      cork,
      onSlow: () => {
        metrics.slowConsumers.inc();
        log.warn({ socket: socket.id, address }, 'closed: a slow consumer, too much is queued for it');
      },
    });
    options.pipes.set(socket, pipe);
    const { cursor, meta } = authOf(socket);
    const connection = createConnection({
      ...options,
      socket,
      visit,
      cursor,
      meta,
      identity: proven.get(socket),
      registerTimeout: config.registerTimeout,
      onRefused: (error, event) => refused(socket, error, event),
      hangUp: (reason) => pipe.close(reason),
    });
    const rate = createRate(config.eventRate, config.eventRate * BURST);
    const repeats = createRepeats({
      rate: config.eventRate,
      ask: (event, payload) => connection.receive(event, [payload], undefined),
    });

    function expel(error: RelayError): void {
      refused(socket, errorBody(error), 'relay_error');
      socket.emit('relay_error', errorBody(error));
      pipe.close(error.code);
    }

    let size = 0;
    conn.on('packet', ({ data }: { data?: unknown }) => {
      // the binary parts of an event follow it, each in a packet of its own
      if (typeof data === 'string') size = Buffer.byteLength(data);
      else if (Buffer.isBuffer(data)) size += data.length;
      if (size <= config.maxPayload || pipe.closing !== undefined) return;
      expel(new RelayError('payload_too_large', `an event must be at most ${config.maxPayload} bytes`));
    });
    socket.onAny((event: string, ...args: unknown[]) => {
      if (pipe.closing !== undefined) return;
      const ack = typeof args.at(-1) === 'function' ? (args.pop() as Ack) : undefined;
      const repeat = ack === undefined ? repeats.look(event, args[0]) : 'asks';
      if (repeat === 'merged') return;
      if (repeat === 'too many' || !rate.take()) {
        return expel(new RelayError('rate_limited', `more than ${config.eventRate} events a second`));
      }
      if (String(event).length > LONGEST_NAME) return refuseName(socket, ack);
      const meant = options.pageNames(event, args[0]);
      if (meant === undefined) return ack?.({ ok: true });
      connection.receive(meant.event, [meant.payload], ack);
    });
    socket.on('disconnect', (reason) => {
      const clean = endedCleanly(reason, pipe);
      metrics.disconnects.inc({ reason: pipe.closing ?? reason });
      log.info({ socket: socket.id, reason: pipe.closing ?? reason, code: pipe.closeCode, clean }, 'disconnected');
      connection.end(clean);
      repeats.end();
      // a client that gave its socket back and holds on to the connection has no use for it
      if (conn.readyState === 'open') conn.close();
    });
  });

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

function proxyHint(socket: Socket, { scope }: ErrorBody): object {
  const forwarded = socket.handshake.headers['x-forwarded-for'];
  if (scope !== 'address' || forwarded === undefined) return {};
  return { hint: 'it sent X-Forwarded-For: if it is your proxy, name it in RELAY_TRUSTED_PROXIES' };
}
