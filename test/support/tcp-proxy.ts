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
  const pass = (from: Socket, to: Socket): void => {
    const later = inOrder(() => delayMs);
    from.on('data', (piece) => {
      if (mode !== 'swallowing') later(() => to.writable && to.write(piece));
    });
    from.on('end', () => later(() => to.end()));
    // One end that breaks is seen by the other as it would be without the proxy between them.
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => sockets.delete(from));
  };
  const server = createServer({ allowHalfOpen: true }, (inner) => {
    if (mode === 'refusing') return void inner.resetAndDestroy();
    const outer = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true });
    pass(inner, outer);
    pass(outer, inner);
    for (const socket of [inner, outer]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      if (mode === 'stalled') socket.pause();
    }
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

/** Runs each action `delayMs()` after it is given, and never before one that was given earlier. */
function inOrder(delayMs: () => number): (action: () => unknown) => void {
  const waiting: { due: number; action: () => unknown }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const run = (): void => {
    timer = undefined;
    for (let next = waiting[0]; next && next.due <= performance.now(); next = waiting[0]) {
      waiting.shift();
      next.action();
    }
    if (waiting[0]) timer = setTimeout(run, Math.max(1, waiting[0].due - performance.now())).unref();
  };
  return (action) => {
    waiting.push({ due: Math.max(performance.now() + delayMs(), waiting.at(-1)?.due ?? 0), action });
    if (!timer) run();
  };
}
