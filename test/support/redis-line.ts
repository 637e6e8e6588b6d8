import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { onTeardown } from './teardown.js';

/** The way to a Redis, on which subscribers can be treated apart from those who send commands. */
export interface RedisLine {
  readonly url: string;
  /** Subscribers hear nothing more, and nothing tells them; new connections are whole. */
  deafen(): void;
  /** What subscribers say from now on comes this much later, new ones included. */
  delaySubscribers(ms: number): void;
  /** What anyone says from now on comes at least this much later. */
  delayAll(ms: number): void;
  /** Ends every connection; new ones are taken. */
  cut(): void;
  refuse(refused: boolean): void;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  subscribes: boolean;
  deaf: boolean;
}

export async function startRedisLine(port: number): Promise<RedisLine> {
  const pairs = new Set<Pair>();
  let refused = false;
  let delay = 0;
  let delayOfAll = 0;

  const listener = createServer((client) => {
    client.on('error', () => client.destroy());
    if (refused) return void client.resetAndDestroy();
    const server = connect({ host: '127.0.0.1', port });
    const pair: Pair = { client, server, subscribes: false, deaf: false };
    pairs.add(pair);
    server.on('error', () => server.destroy());
    client.on('data', (bytes) => {
      pair.subscribes ||= bytes.includes('subscribe');
      setTimeout(() => server.writable && server.write(bytes), Math.max(delayOfAll, pair.subscribes ? delay : 0));
    });
    server.on('data', (bytes) => {
      if (!pair.deaf) client.write(bytes);
    });
    client.on('close', () => server.destroy());
    server.on('close', () => {
      pairs.delete(pair);
      client.destroy();
    });
  });
  const cut = () => {
    for (const { client } of pairs) client.resetAndDestroy();
  };
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  onTeardown(() => {
    cut();
    listener.close();
  });
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the line has no port');

  return {
    url: `redis://127.0.0.1:${address.port}`,
    deafen() {
      for (const pair of pairs) pair.deaf ||= pair.subscribes;
    },
    delaySubscribers(ms) {
      delay = ms;
    },
    delayAll(ms) {
      delayOfAll = ms;
    },
    cut,
    refuse(value) {
      refused = value;
      if (value) cut();
    },
  };
}
