import type { Server as HttpServer, IncomingMessage, RequestListener } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { type Refusal, refuseUpgrade } from '../legacy/refuse-upgrade.js';
import type { Rate } from '../rate.js';
import type { LegacyNotifier } from './legacy-notifier.js';
import type { Origins } from './origin.js';
import { refuseRequest } from './refuse-request.js';
import { createTurnstile } from './turnstile.js';

export interface GateOptions {
  readonly server: HttpServer | HttpsServer;
  readonly path: string;
  readonly origins: Origins;
  readonly accepting: Rate;
  readonly notifier: LegacyNotifier;
  readonly isDraining: () => boolean;
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
/** What Socket.IO serves of its client. */
const CLIENT_SCRIPT = /^socket\.io(\.msgpack|\.esm)?(\.min)?\.js(\.map)?$/;

/**
 * Stands before Engine.IO: whatever must be refused is refused at the first sight of the request, with an HTTP status,
 * and old notifiers are led to their own door. Call it after Engine.IO has put its listeners on the server.
 */
export function createGate(options: GateOptions): void {
  const { server, path, origins, accepting, notifier, isDraining, isFull, onRefused, onUpgrade } = options;
  const [handleUpgrade] = server.listeners('upgrade') as ((
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ) => void)[];
  const [handleRequest] = server.listeners('request') as RequestListener[];
  server.removeAllListeners('upgrade').removeAllListeners('request');
  const turnstile = createTurnstile();

  /** Why Engine.IO is not to see it: a new connection, or one whose page has no business here. */
  function refusalOf(request: IncomingMessage, sid: string | undefined): Refusal | undefined {
    // ElephantIO names the relay's own host as its origin
    if (!origins.allows(request.headers.origin) && !notifier.isStockNotifier(request)) {
      const origin = request.headers.origin?.slice(0, LONGEST_ORIGIN);
      return { status: 403, code: 'origin_refused', message: `the origin ${origin} is not allowed` };
    }
    if (sid !== undefined) return undefined;
    if (isDraining()) return { status: 503, code: 'draining', message: 'this replica is stopping', retryAfter: 1 };
    if (isFull()) {
      return { status: 503, code: 'too_many_connections', message: 'this replica is full', retryAfter: FULL_FOR };
    }
    if (accepting.take()) return undefined;
    const retryAfter = Math.max(1, Math.ceil(accepting.wait()));
    return { status: 503, code: 'rate_limited', message: 'too many new connections at once', retryAfter };
  }

  /** Engine.IO would answer such an upgrade with 101 first, and then with an error that no client can read. */
  function refuseOldProtocol(url: URL, sid: string | undefined): Refusal | undefined {
    if (options.allowEio3 || sid !== undefined || url.searchParams.get('EIO') === '4') return undefined;
    const message = 'this is no Socket.IO v3 or v4; for v2 clients set RELAY_ALLOW_EIO3=true';
    return { status: 400, code: 'invalid_payload', message };
  }

  /** Engine.IO takes all that begins with its path; of that, the client scripts are for every page. */
  function refusalOfRequest(request: IncomingMessage): Refusal | undefined {
    const asked = pathOf(request);
    if (asked === path) return refusalOf(request, sidOf(request));
    return asked.startsWith(path) && !CLIENT_SCRIPT.test(asked.slice(path.length)) ? notFound(path) : undefined;
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const url = parseUrl(request);
    if (url === undefined)
      return refuseUpgrade(socket, { status: 400, code: 'invalid_payload', message: 'bad request target' });
    const sid = sidIn(url);
    if (notifier.matches(request)) return notifier.handleUpgrade(request, socket, head);
    const refusal =
      pathOf(request) === path ? (refusalOf(request, sid) ?? refuseOldProtocol(url, sid)) : notFound(path);
    if (refusal !== undefined) {
      onRefused(request, refusal);
      return refuseUpgrade(socket, refusal);
    }
    const enter = () => {
      onUpgrade(request, sid);
      handleUpgrade?.call(server, request, socket, head);
    };
    if (sid !== undefined) return enter();
    // until it is its turn nobody else listens, and an error without a listener ends the process
    const onError = () => socket.destroy();
    socket.on('error', onError);
    turnstile.take({
      gone: () => socket.destroyed,
      enter() {
        socket.off('error', onError);
        enter();
      },
      refuse() {
        onRefused(request, BUSY);
        refuseUpgrade(socket, BUSY);
      },
    });
  });

  server.on('request', (request, response) => {
    const refusal = refusalOfRequest(request);
    if (refusal !== undefined) return refuse(refusal);
    const enter = () => handleRequest?.call(server, request, response);
    if (pathOf(request) !== path || sidOf(request) !== undefined) return enter();
    turnstile.take({ gone: () => response.destroyed, enter, refuse: () => refuse(BUSY) });

    function refuse(reason: Refusal): void {
      onRefused(request, reason);
      refuseRequest(response, reason);
    }
  });
}

/** As it was sent and as Engine.IO compares it: `//host/socket.io/` and `/x/../socket.io/` are other paths. */
function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

function notFound(path: string): Refusal {
  return { status: 404, code: 'not_found', message: `Socket.IO is at ${path}` };
}

function sidOf(request: IncomingMessage): string | undefined {
  const url = parseUrl(request);
  return url && sidIn(url);
}

/** An empty one is none: to Engine.IO such a request is a handshake. */
function sidIn(url: URL): string | undefined {
  return url.searchParams.get('sid') || undefined;
}

function parseUrl(request: IncomingMessage): URL | undefined {
  const text = request.url ?? '/';
  return URL.canParse(text, 'http://relay') ? new URL(text, 'http://relay') : undefined;
}
