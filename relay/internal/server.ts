import { chmod, rm, stat } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyPluginAsync, LogController } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { RelayError } from '../errors.js';
import type { ShapeCollector } from '../legacy/learn.js';
import type { Accept } from '../messages/accept.js';
import { showTrace, type Traces } from '../messages/trace.js';
import type { Metrics } from '../metrics.js';
import type { Inbox, Presence, Routes } from '../store/store.js';
import type { Tokens } from '../tokens.js';
import { requireToken } from './auth.js';
import { addConsolePage } from './console-page.js';
import { answerBadUrl, answerErrors, createRefuse } from './errors.js';
import { createFarewell } from './farewell.js';
import { addHealthRoutes } from './health.js';
import { createLane, type Lane } from './lane.js';
import { addLegacyShapesRoute } from './legacy-shapes.js';
import { createNotify } from './notify.js';
import { addPresenceRoutes } from './presence.js';
import { createRequestIds } from './request-id.js';
import { addStatsRoutes, type Stats } from './stats.js';
import { createAnswerUnreadable } from './unreadable.js';
import { addUserRoutes } from './users.js';

/** The side that PHP and operators see; never on the public port. */
export interface InternalServer {
  listen(): Promise<string>;
  close(): Promise<void>;
}

export interface InternalServerOptions {
  readonly config: Config;
  readonly tokens: Tokens;
  readonly accept: Accept;
  readonly presence: Presence;
  readonly inbox: Inbox;
  readonly routes: Routes;
  readonly traces: Traces;
  readonly metrics: Metrics;
  /** What old pages and notifiers said that was not understood. */
  readonly shapes: ShapeCollector;
  readonly isDraining: () => boolean;
  readonly stats: Stats;
  readonly log: Logger;
}

/** PHP keeps a connection over requests (pfsockopen): longer than the 60 s of usual pools, ms. */
const KEEP_ALIVE = 75_000;
const HEADERS_WITHIN = 10_000;
const REQUEST_WITHIN = 30_000;
/** How often both are looked at, ms: Node's own 30 s would let a slow sender have 40. */
const CHECK_EVERY = 1_000;
/**
 * Bytes of a request's head, its URL included: the 10,000 ids of `GET /presence?users=` at 20 characters and a comma
 * are 210,000. Node's own 16 KiB hold 700.
 */
const LONGEST_HEAD = 262_144;

export async function createInternalServer(options: InternalServerOptions): Promise<InternalServer> {
  const { config, tokens, routes, metrics, traces, log } = options;
  const refuse = createRefuse(metrics, log);
  const notify = createNotify({ ...options, refuse });
  const requestIdOf = createRequestIds();
  const lane = createLane({ ...notify.lane, requestIdOf }, { first: HEADERS_WITHIN, keepAlive: KEEP_ALIVE });
  const answerUnreadable = createAnswerUnreadable(refuse, requestIdOf);
  const farewell = createFarewell(lane);
  const app: FastifyInstance = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    frameworkErrors: answerBadUrl(refuse),
    clientErrorHandler: answerUnreadable,
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
    serverFactory: (handler) => listenerOf(lane, handler),
    // refused by `farewell`, in the words of the contract
    return503OnClosing: false,
    routerOptions: { maxParamLength: 1_000 },
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  farewell.watch(app);
  await app.register(helmet, { hsts: false });
  answerErrors(app, refuse);
  addHealthRoutes(app, routes, options.isDraining);
  await addConsolePage(app);
  app.get('/metrics', async (_request, reply) => {
    reply.type(metrics.registry.contentType);
    return metrics.registry.metrics();
  });
  const notifying: FastifyPluginAsync = async (routes) => {
    farewell.guard(routes);
    notify.addRoutes(routes);
  };
  const guarded: FastifyPluginAsync = async (routes) => {
    requireToken(routes, tokens);
    addPresenceRoutes(routes, options);
    addTraceRoute(routes, traces);
    addUserRoutes(routes, options);
    addStatsRoutes(routes, options.stats);
    addLegacyShapesRoute(routes, options.shapes);
    await routes.register(notifying);
  };
  await app.register(guarded);
  let unix: Server | undefined;

  return {
    async listen() {
      await app.listen({
        host: config.internalHost,
        port: config.internalPort,
        listenTextResolver: (address) => `the internal API listens at ${address}`,
      });
      if (config.internalSocket !== undefined) {
        unix = listenerOf(lane, app.routing).on('clientError', answerUnreadable);
        await listenUnix(unix, config.internalSocket);
      }
      const address = app.server.address();
      const port = typeof address === 'object' && address !== null ? address.port : config.internalPort;
      const host = config.internalHost.includes(':') ? `[${config.internalHost}]` : config.internalHost;
      return `http://${host}:${port}`;
    },
    async close() {
      await farewell.run([app.server, ...(unix === undefined ? [] : [unix])]);
      await app.close();
    },
  };
}

function addTraceRoute(app: FastifyInstance, traces: Traces): void {
  app.get<{ Params: { id: string } }>('/messages/:id/trace', async ({ params: { id } }) => {
    const trace = await traces.everywhere(id);
    if (trace === undefined) throw new RelayError('not_found', 'no message of that id within the last hour');
    return showTrace(id, trace);
  });
}

/** Node's own listener of new connections gets those that the lane has no use for. */
function listenerOf(lane: Lane, handler: RequestListener): Server {
  const limits = { headersTimeout: HEADERS_WITHIN, requestTimeout: REQUEST_WITHIN, maxHeaderSize: LONGEST_HEAD };
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE, connectionsCheckingInterval: CHECK_EVERY, ...limits },
    handler,
  );
  const others = server.listeners('connection');
  server.removeAllListeners('connection');
  return server.on('connection', (socket: Socket) => {
    lane.take(socket, () => {
      for (const listener of others) listener.call(server, socket);
    });
  });
}

/** A socket file that a killed process left behind is in the way. */
async function listenUnix(server: Server, path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isSocket() === false) {
    throw new Error(
      `RELAY_INTERNAL_SOCKET names ${path}, where something is that is no socket: move it, or name another`,
    );
  }
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o660);
}
