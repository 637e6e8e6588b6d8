import { connect, createServer, type Socket } from 'node:net';
import { onTeardown } from '../support/teardown.js';
import type { CookieJar } from './cookie-jar.js';
import { type Head, headers, readHead, writeHead } from './http-head.js';
import { listenOnLoopback } from './loopback.js';
import type { Random } from './seed.js';

/** What one tab reaches the replicas through: a bad network, a load balancer and its browser's cookies. */
export interface Line {
  readonly port: number;
  /** Which replica the tab was last led to. */
  replica(): number | undefined;
  /**
   * Destroys what is open, bytes on their way included. `half-open`: the server is not told, its side stays open and
   * nobody reads it, as when a phone leaves the Wi-Fi.
   */
  cut(kind: 'reset' | 'half-open'): void;
  /** Refused, every new connection is destroyed at once. */
  refuse(refused: boolean): void;
}

export interface LineOptions {
  readonly jar: CookieJar;
  readonly userAgent: string;
  /** Of the browser, in 127.0.0.0/8. */
  readonly address: string;
  /** Public ports of the replicas, or of what stands before them. A new handshake goes to any of them, what belongs to a `sid` to the same again. */
  readonly replicas: readonly number[];
  readonly random: Random;
}

/** A browser adds its cookies to WebSocket upgrades and takes those of the 101; polling carries none (LEGACY.md). */
export async function createLine({ jar, userAgent, address, replicas, random }: LineOptions): Promise<Line> {
  const open = new Set<Socket>();
  const pairs = new Map<Socket, Socket>();
  let refused = false;
  let sticky: number | undefined;

  const track = (socket: Socket): void => {
    open.add(socket);
    socket.setNoDelay(true);
    // A reset by either side is what this is made for; 'close' follows every error.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
  };

  const lead = (browser: Socket, head: Head, candidates: readonly number[]): void => {
    const [replica, ...others] = candidates;
    const port = replica === undefined ? undefined : replicas[replica];
    if (replica === undefined || port === undefined) {
      browser.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    const server = connect({ host: '127.0.0.1', port, localAddress: address });
    const tryOthers = (): void => lead(browser, head, others);
    server.once('error', tryOthers);
    track(server);
    server.once('connect', () => {
      server.off('error', tryOthers);
      if (browser.destroyed || refused) {
        browser.destroy();
        server.destroy();
        return;
      }
      sticky = replica;
      join(browser, server, head);
    });
  };

  const join = (browser: Socket, server: Socket, head: Head): void => {
    const upgrade = headers(head, 'upgrade').length > 0;
    const cookie = jar.header();
    const own = [`User-Agent: ${userAgent}`, ...(upgrade && cookie !== '' ? [`Cookie: ${cookie}`] : [])];
    server.write(writeHead({ ...head, lines: [...head.lines.filter((line) => !/^user-agent:/i.test(line)), ...own] }));
    pairs.set(browser, server);
    browser.once('close', () => {
      if (pairs.delete(browser)) {
        server.destroySoon();
      }
    });
    server.once('close', () => browser.destroySoon());
    browser.pipe(server);
    if (!upgrade) {
      server.pipe(browser);
      return;
    }
    readHead(server, (answer) => {
      headers(answer, 'set-cookie').forEach(jar.store);
      browser.write(writeHead(answer));
      server.pipe(browser);
    });
  };

  const listener = createServer((browser) => {
    if (refused) {
      browser.on('error', () => browser.destroy());
      browser.resetAndDestroy();
      return;
    }
    track(browser);
    readHead(browser, (head) => {
      const belongs = /[?&]sid=/.test(head.startLine) && sticky !== undefined;
      lead(browser, head, belongs && sticky !== undefined ? [sticky] : random.shuffled([...replicas.keys()]));
    });
  });

  const port = await listenOnLoopback(listener);
  onTeardown(() => {
    for (const socket of open) {
      socket.resetAndDestroy();
    }
  });
  return {
    port,
    replica: () => sticky,
    cut(kind) {
      for (const [browser, server] of [...pairs]) {
        pairs.delete(browser);
        browser.unpipe(server);
        server.unpipe(browser);
        browser.resetAndDestroy();
        if (kind === 'reset') {
          server.resetAndDestroy();
        } else {
          server.pause();
        }
      }
    },
    refuse(value) {
      refused = value;
    },
  };
}
