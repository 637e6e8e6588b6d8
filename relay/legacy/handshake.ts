import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { WebSocketServer } from 'ws';

/** RFC 6455 section 1.3. */
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const PLACEHOLDER_KEY = 'AAAAAAAAAAAAAAAAAAAAAA==';

export interface NotifierRule {
  readonly stockPath: string;
  /** Whether the request surely comes from RELAY_LEGACY_NOTIFIERS; asked last, and only where it matters. */
  readonly listed: () => boolean;
}

/** CONTRACT section 10: without a `sid`, and the library's user agent, or `Origin: *`, or listed and no `Origin`. */
export function looksLikeNotifier(req: IncomingMessage, rule: NotifierRule): boolean {
  if (/[?&]sid=[^&]/.test(req.url ?? '') || isElephant(req, rule.stockPath)) return false;
  const { origin, 'user-agent': agent = '' } = req.headers;
  return /websocket-client-php/i.test(agent) || origin === '*' || (origin === undefined && rule.listed());
}

/** By its user agent; it speaks Socket.IO in full, so on the stock path it is served by Socket.IO. */
export function isElephant(req: IncomingMessage, stockPath: string): boolean {
  return /elephant[._-]?io/i.test(req.headers['user-agent'] ?? '') && pathOf(req).startsWith(stockPath);
}

/**
 * The Engine.IO version that the URL declares; as engine.io has it, anything but 4 is 3. Undefined where neither path
 * nor query speaks of Engine.IO: that is plain JSON, and such a sender expects no handshake.
 */
export function declaredEngine(req: IncomingMessage, stockPath: string): 3 | 4 | undefined {
  const query = new URLSearchParams((req.url ?? '').split('?')[1] ?? '');
  const eio = query.get('EIO');
  if (eio === '4') return 4;
  const declared = eio !== null || query.get('transport') === 'websocket' || `${pathOf(req)}/`.startsWith(stockPath);
  return declared ? 3 : undefined;
}

/**
 * Lets hand-written clients in whose key is not 16 bytes in base64 (a famous snippet has a fixed one), which `ws`
 * would refuse: it is shown a key of the right form, and the answer is computed from the real one.
 *
 * @returns to be called with each request before `server.handleUpgrade`
 */
export function admitOddKeys(server: WebSocketServer): (req: IncomingMessage) => void {
  const realKeys = new WeakMap<IncomingMessage, string>();
  server.on('headers', (headers, req) => {
    const key = realKeys.get(req);
    const line = headers.findIndex((header) => header.startsWith('Sec-WebSocket-Accept:'));
    if (key === undefined || line < 0) return;
    const accept = createHash('sha1')
      .update(key + WEBSOCKET_GUID)
      .digest('base64');
    headers[line] = `Sec-WebSocket-Accept: ${accept}`;
  });
  return (req) => {
    const key = req.headers['sec-websocket-key'];
    req.headers['sec-websocket-version'] ??= '13';
    if (key === undefined || /^[+/0-9A-Za-z]{22}==$/.test(key)) return;
    realKeys.set(req, key);
    req.headers['sec-websocket-key'] = PLACEHOLDER_KEY;
  };
}

function pathOf(req: IncomingMessage): string {
  return (req.url ?? '/').split('?')[0] ?? '/';
}
