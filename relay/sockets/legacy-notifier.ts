import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ServerOptions, WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { AddressList } from '../addresses.js';
import type { Connection } from '../legacy/connection.js';
import { serveConnection } from '../legacy/connection.js';
import type { FieldNames } from '../legacy/field-names.js';
import { admitOddKeys, declaredEngine, isElephant, looksLikeNotifier } from '../legacy/handshake.js';
import type { Accept, Ingress } from '../legacy/ingress.js';
import { createIngress } from '../legacy/ingress.js';
import type { ShapeCollector } from '../legacy/learn.js';
import { refuseUpgrade } from '../legacy/refuse-upgrade.js';
import type { Log } from '../legacy/report.js';
import { createReport } from '../legacy/report.js';
import { clientAddress, isHiddenByProxy } from './client-address.js';

/** PHP keeps a connection for one request; more at a time than this is a loop somewhere. */
const MAX_OPEN = 2_000;
const KEEP_ALIVE_MS = 60_000;

export interface LegacyNotifierOptions {
  /** RELAY_LEGACY_NOTIFIERS. */
  readonly allowed: AddressList;
  /** RELAY_LEGACY_FIELDS. */
  readonly names: FieldNames;
  readonly accept: Accept;
  readonly shapes: ShapeCollector;
  readonly log: Log;
  /** Bytes of one message; a longer one is refused with close code 1009. */
  readonly maxPayload: number;
  /** Of Socket.IO: ElephantIO is left alone there. */
  readonly stockPath?: string;
  /** RELAY_TRUSTED_PROXIES. */
  readonly trustedProxies: AddressList;
  readonly now?: () => number;
}

/** The way in for PHP that notifies over a WebSocket (CONTRACT section 10). */
export interface LegacyNotifier {
  /** Whether an upgrade request is a notifier's; then `handleUpgrade` answers it, by a refusal too. */
  matches(req: IncomingMessage): boolean;
  /** ElephantIO from a listed address on the stock path: stays with Socket.IO, and `receive` takes its events. */
  isStockNotifier(req: IncomingMessage): boolean;
  /** An event of a stock notifier. Resolves with what to answer its ack with; never rejects. */
  readonly receive: Ingress['event'];
  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Refuses new ones with 503, hands over what came, then closes the open ones. */
  close(): Promise<void>;
}

export function createLegacyNotifier(options: LegacyNotifierOptions): LegacyNotifier {
  const { allowed, trustedProxies, maxPayload, stockPath = '/socket.io/', now = Date.now } = options;
  const addressOf = (req: IncomingMessage) => clientAddress(req, trustedProxies);
  const isHidden = (req: IncomingMessage) => isHiddenByProxy(req, trustedProxies);
  const report = createReport({ log: options.log, shapes: options.shapes, now });
  const closing = new AbortController();
  const ingress = createIngress({ names: options.names, accept: options.accept, report, signal: closing.signal });
  const open = new Set<Connection>();
  const server = new WebSocketServer(serverOptions(maxPayload));
  const admitOddKey = admitOddKeys(server);

  const isListed = (req: IncomingMessage): boolean => {
    if (!allowed.has(addressOf(req))) return false;
    const hidden = isHidden(req);
    if (hidden) report.hidden(addressOf(req));
    return !hidden;
  };

  const refuse = (req: IncomingMessage, socket: Duplex): void => {
    const address = addressOf(req);
    if (isHidden(req)) report.hidden(address);
    else report.refused(address || 'unknown', `add its address to the setting: RELAY_LEGACY_NOTIFIERS=${address}`);
    refuseUpgrade(socket, { status: 403, code: 'origin_refused', message: 'not an allowed notifier' });
  };

  const serve = (ws: WebSocket, req: IncomingMessage, socket: Duplex, address: string): void => {
    let frames = 0;
    ws.on('error', (error) => report.unreadable(address, error.message));
    const connection = serveConnection(ws, socket, {
      engine: declaredEngine(req, stockPath),
      maxPayload,
      async onFrame(frame) {
        frames += 1;
        if (frame.kind === 'event') return await ingress.event(frame.name, frame.args, { address });
        if (frame.kind === 'json') return await ingress.json(frame.value, { address });
        if (frame.kind === 'unreadable') report.unreadable(address, frame.why);
        return undefined;
      },
    });
    open.add(connection);
    void connection.ended.then(() => {
      open.delete(connection);
      if (frames === 0) report.unreadable(address, 'connected and left without a whole message');
    });
  };

  return {
    matches: (req) => looksLikeNotifier(req, { stockPath, listed: () => isListed(req) }),
    isStockNotifier: (req) => isElephant(req, stockPath) && isListed(req),
    receive: ingress.event,
    handleUpgrade(req, socket, head) {
      const address = addressOf(req);
      if (!allowed.has(address) || isHidden(req)) {
        refuse(req, socket);
      } else if (closing.signal.aborted || open.size >= MAX_OPEN) {
        const code = closing.signal.aborted ? 'draining' : 'too_many_connections';
        report.refused(address, code);
        refuseUpgrade(socket, { status: 503, code, message: 'try again later', retryAfter: 1 });
      } else {
        req.socket.setKeepAlive(true, KEEP_ALIVE_MS);
        admitOddKey(req);
        server.handleUpgrade(req, socket, head, (ws) => serve(ws, req, socket, address));
      }
    },
    async close() {
      closing.abort();
      const connections = [...open];
      await Promise.all(connections.map((connection) => connection.close()));
      await Promise.all(connections.map((connection) => connection.ended));
      server.close();
    },
  };
}

function serverOptions(maxPayload: number): ServerOptions {
  const options = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload,
    // Text that is no UTF-8 is read all the same, see readText.
    skipUTF8Validation: true,
    // The types do not know it yet. PHP that does not read never answers a close frame.
    closeTimeout: 1_000,
  };
  return options;
}
