import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Socket as NetSocket } from 'node:net';
import type { Socket as EngineSocket } from 'engine.io';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Logger } from 'pino';
import { Server } from 'socket.io';
import type { ServerOptions } from 'ws';
import type { AddressList } from '../addresses.js';
import type { Config } from '../config.js';
import type { DeviceCookies } from '../identity/device.js';
import type { Registration } from '../identity/registration.js';
import type { Confirmer } from '../messages/confirm.js';
import type { Hub } from '../messages/hub.js';
import type { Metrics } from '../metrics.js';
import { createRate } from '../rate.js';
import type { TryPage } from '../try/try-page.js';
import type { Handler } from './answers.js';
import { createDrain, type Drain } from './drain.js';
import { createGate } from './gate.js';
import type { LegacyNotifier } from './legacy-notifier.js';
import type { Listener } from './listener.js';
import type { Membership } from './membership.js';
import type { Origins } from './origin.js';
import type { PageNames } from './page-names.js';
import { addPublicRoutes, answerNothingHere } from './public-routes.js';
import { serveSockets } from './serve-sockets.js';
import { createTally } from './tally.js';
import { createVisits } from './visits.js';
import { createWebSocketServer } from './web-socket-server.js';

/** The side that browsers see. */
export interface PublicServer {
  listen(): Promise<string>;
  /** Connections by transport. */
  connections(): Readonly<Record<string, number>>;
  /** Ends a user's sockets here for good; answers how many, without those that were being closed already. */
  disconnect(user: string, reason: string): number;
  readonly drain: Drain;
  close(): Promise<void>;
}

export interface PublicServerOptions {
  readonly config: Config;
  readonly listener: Listener;
  readonly origins: Origins;
  readonly trustedProxies: AddressList;
  readonly devices: DeviceCookies | undefined;
  readonly registration: Registration;
  readonly membership: Membership;
  readonly handle: Handler;
  readonly pageNames: PageNames;
  /** A page event that nobody answers. */
  readonly onUnknown: (event: string, payload: unknown) => void;
  readonly notifier: LegacyNotifier;
  readonly hub: Hub;
  readonly confirmer: Confirmer;
  readonly tryPage: TryPage | undefined;
  readonly metrics: Metrics;
  readonly log: Logger;
}

const PATH = '/socket.io/';
/** Bytes of an event that are read at least, to tell the page that it is too large: a photo in place of a text. */
const LET_IN = 1_048_576;
/**
 * Heartbeat, milliseconds. Socket.IO's own 25 and 20 s leave a browser whose line broke in the middle of an upgrade
 * stuck for up to 45 s: it waits for the heartbeat to fail.
 */
const PING_EVERY = 15_000;
const PONG_WITHIN = 15_000;
/** One over the cap is let in for as long as it takes to be told so by `connect_error`, but not without end. */
const OVER_THE_CAP = 2;
/** Between two log lines of the same kind of overload, milliseconds. */
const EACH_SECOND = 1_000;
/** How long a browser has to answer that it was closed, milliseconds: one whose network is gone never does. */
const GOODBYE = 500;

export async function createPublicServer(options: PublicServerOptions): Promise<PublicServer> {
  const { config, listener, origins, notifier, metrics, log, hub } = options;
  const { server } = listener;
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    frameworkErrors: (_error, _request, reply) => answerNothingHere(reply),
    serverFactory: (handler) => server.on('request', handler) as HttpServer,
  });
  const connections = new Set<NetSocket>();
  function forget(this: NetSocket): void {
    connections.delete(this);
  }
  server.on('connection', (socket: NetSocket) => {
    connections.add(socket);
    socket.on('close', forget);
  });
  await addPublicRoutes(app, options.tryPage);
  await app.ready();
  const io = new Server(server, {
    path: PATH,
    allowEIO3: config.allowEio3,
    // an event over the limit is told so; one over this ends the connection
    maxHttpBufferSize: Math.max(config.maxPayload * 2, LET_IN),
    perMessageDeflate: false,
    pingInterval: PING_EVERY,
    pingTimeout: PONG_WITHIN,
    destroyUpgrade: false,
    // called with `new`, which gives back what the function does
    wsEngine: function makeServer(wsOptions: ServerOptions) {
      return createWebSocketServer(wsOptions);
    },
  });
  // of Socket.IO's own, the connections are left to `serveSockets`
  io.engine.removeAllListeners('connection');
  const overload = createTally(EACH_SECOND);
  const drain = createDrain({ hub, confirmer: options.confirmer, seconds: config.drainSeconds, log });
  const visits = createVisits({ ...options, engine: io.engine, secure: listener.secure });

  createGate({
    server,
    path: PATH,
    origins,
    accepting: createRate(config.acceptRate),
    notifier,
    isDraining: () => drain.started,
    knows: (sid) => Object.hasOwn(clientsOf(io), sid),
    isFull: () => config.maxConnections > 0 && io.engine.clientsCount >= config.maxConnections * OVER_THE_CAP,
    allowEio3: config.allowEio3,
    onUpgrade: visits.upgrade,
    onRefused: (request: IncomingMessage, refusal) => {
      metrics.rejected.inc({ code: refusal.code });
      // thousands come back at once after an outage: a line for each would be what they wait for
      const times = refusal.status === 503 ? overload(refusal.code) : 1;
      if (times === 0) return;
      const origin = request.headers.origin?.slice(0, 256);
      const address = request.socket.remoteAddress;
      log.warn({ code: refusal.code, origin, address, ...(times > 1 ? { times } : {}) }, `refused: ${refusal.message}`);
    },
  });
  const sockets = serveSockets({ ...options, engine: io.engine, visits });

  return {
    async listen() {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(config.port, config.host, resolve);
      });
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : config.port;
      const host = config.host === '0.0.0.0' || config.host === '::' ? 'localhost' : config.host;
      return `${listener.secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
    },
    connections() {
      const counts: Record<string, number> = { polling: 0, websocket: 0 };
      for (const { conn } of sockets.all()) {
        counts[conn.transport.name] = (counts[conn.transport.name] ?? 0) + 1;
      }
      return counts;
    },
    disconnect(user, reason) {
      const own = hub.outlets(user).flatMap(({ record }) => sockets.get(record.id) ?? []);
      // one that is being closed already, as by polling it may take a while, can't be told any more
      const told = own.filter(({ conn }) => conn.readyState === 'open').length;
      for (const socket of own) {
        socket.emit('disconnected', { reason });
        socket.disconnect();
      }
      return told;
    },
    drain,
    async close() {
      await notifier.close();
      listener.close();
      // those without a user too: Socket.IO's own close would tell some of them not to come back
      for (const conn of Object.values(clientsOf(io))) conn?.close();
      const patience = setTimeout(() => connections.forEach((socket) => void socket.destroy()), GOODBYE);
      await io.close();
      clearTimeout(patience);
      await app.close();
    },
  };
}

/** What Engine.IO's types leave out. */
function clientsOf({ engine }: Pick<Server, 'engine'>): Readonly<Record<string, EngineSocket | undefined>> {
  return (engine as unknown as { readonly clients: Readonly<Record<string, EngineSocket | undefined>> }).clients;
}
