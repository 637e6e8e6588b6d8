import { type ServerOptions, WebSocketServer } from 'ws';
import { createEnds } from './ends.js';

/** How long a client may take to answer a close frame, ms; ws itself would hold connection and queue for 30 s. */
const CLOSE_WITHIN = 2_000;

/** What Engine.IO makes its WebSocket server with. */
export function createWebSocketServer(options: ServerOptions): WebSocketServer {
  // the types do not know closeTimeout yet
  const all: ServerOptions & { closeTimeout: number } = { ...options, closeTimeout: CLOSE_WITHIN };
  const server = new WebSocketServer(all);
  const handleUpgrade = server.handleUpgrade.bind(server);
  const endInTurn = createEnds();
  server.handleUpgrade = (request, socket, head, taken) =>
    handleUpgrade(request, socket, head, (webSocket, from) => {
      endInTurn(socket);
      taken(webSocket, from);
    });
  return server;
}
