import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTeardown } from './teardown.js';

/** A bad network between two programs of this machine. */
export interface TcpProxy {
  readonly port: number;
  /** Connections through it now. */
  readonly connections: number;
  /** Ends every connection with a reset, as a crashed host or a firewall does. New ones are still taken. */
  cut(): void;
  /** Swallows nothing but passes nothing on either: both ends see silence, no close. New connections hang as well. */
  stall(): void;
  /** Throws away what arrives from now on, both ways. Only a `cut` makes sense after it. */
  blackHole(): void;
  /** Refuses new connections and cuts the open ones, until `resume`. */
  refuse(): void;
  /** Passes everything on again; what `stall` held back goes out first. */
  resume(): void;
  /** Holds each piece back by this much, both ways, in order. 0 ends it. */
  delay(ms: number): void;
}

type Mode = 'open' | 'stalled' | 'swallowing' | 'refusing';

export async function startTcpProxy(target: { host?: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let mode: Mode = 'open';
  let delayMs = 0;

  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const pipe = (from: Socket, to: Socket): void => {
    from.on('data', (piece) => {
      if (mode === 'swallowing') return;
      const write = (): unknown => to.writable && to.write(piece);
      if (delayMs > 0) setTimeout(write, delayMs).unref();
      else write();
    });
    from.on('end', () => setTimeout(() => to.end(), delayMs).unref());
    // One end that breaks is seen by the other as it would be without the proxy between them.
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer({ allowHalfOpen: true }, (inner) => {
    if (mode === 'refusing') return void inner.resetAndDestroy();
    const outer = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true });
    for (const socket of [inner, outer]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      if (mode === 'stalled') socket.pause();
    }
    pipe(inner, outer);
    pipe(outer, inner);
    if (mode === 'stalled') for (const socket of [inner, outer]) socket.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTeardown(async () => {
    cut();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  return {
    port: address.port,
    get connections() {
      return sockets.size / 2;
    },
    cut,
    stall() {
      mode = 'stalled';
      for (const socket of sockets) socket.pause();
    },
    blackHole() {
      mode = 'swallowing';
    },
    refuse() {
      mode = 'refusing';
      cut();
    },
    resume() {
      mode = 'open';
      for (const socket of sockets) socket.resume();
    },
    delay(ms) {
      delayMs = ms;
    },
  };
}
