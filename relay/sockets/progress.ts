import type { Socket as NetSocket } from 'node:net';
import type { Socket as EngineSocket } from 'engine.io';

/** What the types of Engine.IO and ws leave out. */
interface WebSocketInternals {
  readonly readyState: number;
  readonly _socket?: NetSocket;
}

const OPEN = 1;
const NOTHING = Buffer.alloc(0);

/** Resolves when some of what is queued was taken by the kernel, the transport was replaced, or all is over. */
export function progress(conn: EngineSocket): Promise<void> {
  const { transport } = conn;
  return new Promise((resolve) => {
    const done = () => {
      transport.off('drain', done);
      conn.off('upgrade', done);
      conn.off('close', done);
      resolve();
    };
    transport.on('drain', done);
    conn.on('upgrade', done);
    conn.on('close', done);
    // of what went straight there the transport knows nothing, and where it is little the stream emits no `drain` either
    netSocketOf(conn)?.write(NOTHING, done);
  });
}

/** Below a WebSocket to which frames may still be written. */
function netSocketOf({ transport }: EngineSocket): NetSocket | undefined {
  if (transport.name !== 'websocket') return undefined;
  const { socket } = transport as unknown as { readonly socket?: WebSocketInternals };
  const below = socket?.readyState === OPEN ? socket._socket : undefined;
  return below?.destroyed ? undefined : below;
}
