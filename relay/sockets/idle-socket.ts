import type { Socket as NetSocket } from 'node:net';
import type { Socket as EngineSocket } from 'engine.io';

/** What the types of Engine.IO and ws leave out. */
interface Internals {
  readonly writeBuffer: readonly unknown[];
  readonly transport: { readonly name: string; readonly writable: boolean; readonly socket?: WebSocketInternals };
}

interface WebSocketInternals {
  readonly readyState: number;
  readonly _socket?: NetSocket;
  readonly _sender?: { readonly _queue: readonly unknown[] };
}

const OPEN = 1;

/**
 * The TCP socket below a WebSocket on which nothing is queued, neither in Engine.IO nor in ws nor towards the kernel:
 * a whole frame written there keeps its order with what is sent the usual way before and after it. `undefined` in any
 * other state. The usual way makes a packet, a list, four events and a callback of each message, and a write of its own
 * for the ping behind it, alone 5 % of the CPU of a 1:1 notify (profile of `npm run bench -- --workloads notify`).
 */
export function idleSocketOf(conn: EngineSocket): NetSocket | undefined {
  const { writeBuffer, transport } = conn as unknown as Internals;
  if (transport.name !== 'websocket' || writeBuffer.length > 0) return undefined;
  const webSocket = transport.socket;
  if (conn.readyState !== 'open' || webSocket?.readyState !== OPEN || webSocket._sender?._queue.length !== 0) return;
  const socket = webSocket._socket;
  if (socket === undefined) return undefined;
  // what was written while it gathers what is written together is in its order there already
  const gathers = socket.writableCorked > 0 && !socket.writableNeedDrain;
  return gathers || (transport.writable && socket.writableLength === 0) ? socket : undefined;
}
