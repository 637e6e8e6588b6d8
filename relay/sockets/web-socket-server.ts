import { type ServerOptions, WebSocketServer } from 'ws';

/** How long a client may take to answer a close frame, ms; ws itself would hold connection and queue for 30 s. */
const CLOSE_WITHIN = 2_000;

/** What Engine.IO makes its WebSocket server with. */
export function createWebSocketServer(options: ServerOptions): WebSocketServer {
  // the types do not know closeTimeout yet
  const all: ServerOptions & { closeTimeout: number } = { ...options, closeTimeout: CLOSE_WITHIN };
  return new WebSocketServer(all);
}
