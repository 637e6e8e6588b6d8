import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTeardown } from '../../support/teardown.js';

export interface DeafRedis {
  readonly url: string;
  /** From now on nothing that is published comes through; commands do, and no connection is closed. */
  deafen(): void;
}

/** A way to Redis on which a replica can go deaf: alive, leased, and told nothing. */
export async function startDeafRedis(url: string): Promise<DeafRedis> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let deaf = false;
  const server = createServer((inner) => {
    const outer = connect(Number(target.port), target.hostname);
    inner.on('data', (piece) => outer.write(piece));
    outer.on('data', (piece) => {
      if (!(deaf && /[*>]3\r\n\$7\r\nmessage\r\n/.test(piece.toString('latin1')))) inner.write(piece);
    });
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTeardown(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `redis://127.0.0.1:${port}`,
    deafen() {
      deaf = true;
    },
  };
}
