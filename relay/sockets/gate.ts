import type { Server as HttpServer, IncomingMessage, RequestListener } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { type Refusal, refuseUpgrade } from '../legacy/refuse-upgrade.js';
import type { Rate } from '../rate.js';
import { answerPreflight, letRead } from './cors.js';
import type { LegacyNotifier } from './legacy-notifier.js';
import type { Origins } from './origin.js';
import { refuseRequest } from './refuse-request.js';
import { sidOf, type Target, targetOf } from './target.js';
import { createTurnstile } from './turnstile.js';

export interface GateOptions {
  readonly server: HttpServer | HttpsServer;
  readonly path: string;
  readonly origins: Origins;
  readonly accepting: Rate;
  readonly notifier: LegacyNotifier;
  readonly isDraining: () => boolean;
  /** Whether the connection of that sid is one of this replica's. */
  readonly knows: (sid: string) => boolean;
  /** So many connections that one over the cap cannot even be let in to be told so. */
  readonly isFull: () => boolean;
  /** Socket.IO v2 browsers are served as well. */
  readonly allowEio3: boolean;
  readonly onRefused: (request: IncomingMessage, refusal: Refusal) => void;
  /** An upgrade request that Engine.IO is about to take. */
  readonly onUpgrade: (request: IncomingMessage, sid: string | undefined) => void;
}

/** Bytes of an origin that are shown. */
const LONGEST_ORIGIN = 256;
/** Seconds. */
const FULL_FOR = 5;
const BUSY: Refusal = { status: 503, code: 'rate_limited', message: 'many connect at this moment', retryAfter: 2 };
/**
 * Engine.IO answers a poll with `j` by a script, which a page of any origin may load: such a request names no origin, and
 * may bring the cookies of a visitor.
 */
const NO_JSONP: Refusal = { status: 400, code: 'invalid_payload', message: 'JSONP polling is not supported' };
const STOPPING: Refusal = { status: 503, code: 'draining', message: 'this replica is stopping', retryAfter: 1 };
/** Engine.IO takes it for part of the WebSocket that is there, and never answers. */
const NO_UPGRADE: Refusal = { status: 400, code: 'invalid_payload', message: 'a WebSocket begins with an upgrade' };
/** What Socket.IO serves of its client. */
const CLIENT_SCRIPT = /^socket\.io(\.msgpack|\.esm)?(\.min)?\.js(\.map)?$/;

/**
 * Stands before Engine.IO: whatever must be refused is refused at the first sight of the request, with an HTTP status,
 * and old notifiers are led to their own door. Call it after Engine.IO has put its listeners on the server.
 */
export function createGate(options: GateOptions): void {
  const { server, path, origins, accepting, notifier, isDraining, knows, isFull, onRefused, onUpgrade } = options;
  const [handleUpgrade] = server.listeners('upgrade') as ((
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ) => void)[];
  const [handleRequest] = server.listeners('request') as RequestListener[];
  server.removeAllListeners('upgrade').removeAllListeners('request');
  const turnstile = createTurnstile();

  /** Why Engine.IO is not to see it: a new connection, or one whose page has no business here. */
  function refusalOf(request: IncomingMessage, { query }: Target, sid: string | undefined): Refusal | undefined {
    // ElephantIO names the relay's own host as its origin
    if (!origins.allows(request.headers.origin) && !notifier.isStockNotifier(request)) {
      const origin = request.headers.origin?.slice(0, LONGEST_ORIGIN);
      return { status: 403, code: 'origin_refused', message: `the origin ${origin} is not allowed` };
    }
    if (query.j !== undefined) return NO_JSONP;
    if (request.method === 'OPTIONS') return undefined;
    // A proxy that hashes leads here also what belongs to a connection that another replica took in this one's place.
    if (isDraining() && (sid === undefined || !knows(sid))) return STOPPING;
    if (sid !== undefined) return undefined;
    if (isFull()) {
      return { status: 503, code: 'too_many_connections', message: 'this replica is full', retryAfter: FULL_FOR };
    }
    if (accepting.take()) return undefined;
    const retryAfter = Math.max(1, Math.ceil(accepting.wait()));
    return { status: 503, code: 'rate_limited', message: 'too many new connections at once', retryAfter };
  }

  /** Engine.IO would answer such an upgrade with 101 first, and then with an error that no client can read. */
  function refuseOldProtocol({ query }: Target, sid: string | undefined): Refusal | undefined {
    if (options.allowEio3 || sid !== undefined || query.EIO === '4') return undefined;
    const message = 'this is no Socket.IO v3 or v4; for v2 clients set RELAY_ALLOW_EIO3=true';
    return { status: 400, code: 'invalid_payload', message };
  }

  function refusalOfUpgrade(request: IncomingMessage, target: Target, sid: string | undefined): Refusal | undefined {
    if (target.path !== path) return notFound(path);
    return refusalOf(request, target, sid) ?? refuseOldProtocol(target, sid);
  }

  /** Engine.IO takes all that begins with its path; of that, the client scripts are for every page. */
  function refusalOfRequest(request: IncomingMessage, target: Target, sid: string | undefined) {
    const { path: asked } = target;
    if (asked === path) {
      const isLost = sid !== undefined && target.query.transport === 'websocket' && request.method !== 'OPTIONS';
      return refusalOf(request, target, sid) ?? (isLost ? NO_UPGRADE : undefined);
    }
    return asked.startsWith(path) && !CLIENT_SCRIPT.test(asked.slice(path.length)) ? notFound(path) : undefined;
  }

  /**
   * Engine.IO's stand-in for a response listens for the end of the connection, first of all, on behalf of middlewares,
   * of which there are none, and so would keep the request with all its headers until then.
   */
  function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const before = socket.listeners('close');
    handleUpgrade?.call(server, request, socket, head);
    const [added] = socket.listeners('close').slice(before.length);
    if (added !== undefined) socket.off('close', added as () => void);
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // what no URL can be made of could not be read further on either
    if (!request.url?.startsWith(path) && !URL.canParse(request.url ?? '/', 'http://relay')) {
      return refuseUpgrade(socket, { status: 400, code: 'invalid_payload', message: 'bad request target' });
    }
    if (notifier.matches(request)) return notifier.handleUpgrade(request, socket, head);
    const target = targetOf(request);
    const sid = sidOf(target);
    const refusal = refusalOfUpgrade(request, target, sid);
    if (refusal !== undefined) {
      onRefused(request, refusal);
      return refuseUpgrade(socket, refusal);
    }
    const enter = () => {
      onUpgrade(request, sid);
      upgrade(request, socket, head);
    };
    if (sid !== undefined) return enter();
    // until it is its turn nobody else listens, and an error without a listener ends the process
    const onError = () => socket.destroy();
    socket.on('error', onError);
    turnstile.take({
      gone: () => socket.destroyed,
      enter() {
        if (isDraining()) return turnAway(STOPPING);
        socket.off('error', onError);
        enter();
      },
      refuse: () => turnAway(BUSY),
    });

    function turnAway(reason: Refusal): void {
      onRefused(request, reason);
      refuseUpgrade(socket, reason);
    }
  });

  server.on('request', (request, response) => {
    const target = targetOf(request);
    const sid = sidOf(target);
    const refusal = refusalOfRequest(request, target, sid);
    if (refusal !== undefined) return refuse(refusal);
    if (target.path.startsWith(path) && origins.allows(request.headers.origin)) letRead(request, response);
    // those behind the first of a connection too: Engine.IO knows no such method
    if (target.path === path && request.method === 'OPTIONS') return answerPreflight(request, response);
    const enter = () => handleRequest?.call(server, request, response);
    if (target.path !== path || sid !== undefined) return enter();
    turnstile.take({
      gone: () => response.destroyed,
      enter: () => (isDraining() ? refuse(STOPPING) : enter()),
      refuse: () => refuse(BUSY),
    });

    function refuse(reason: Refusal): void {
      onRefused(request, reason);
      refuseRequest(response, reason);
    }
  });
}

function notFound(path: string): Refusal {
  return { status: 404, code: 'not_found', message: `Socket.IO is at ${path}` };
}
