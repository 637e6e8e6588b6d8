import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { reasonOf } from './ask.js';
import { headersOf, type Line } from './polling.js';
import { WireError } from './wire-error.js';

/** Engine.IO packets over a WebSocket. Pings are answered by themselves. */
export interface WebSocketLine {
  send(packet: string): void;
  /** The next packet that has not been given yet and matches; `undefined` when none came in time. */
  next(matches: (packet: string) => boolean, within: number): Promise<string | undefined>;
  /** How it ended, in words. */
  readonly ended: Promise<string>;
  close(): void;
}

const WITHIN = 5_000;
const GOODBYE_WITHIN = 1_000;

/** @throws WireError of the stage `upgrade`, with the answer when it was no 101 */
export async function dialWebSocket(line: Line, query = ''): Promise<WebSocketLine> {
  const url = new URL(`/socket.io/?EIO=4&transport=websocket${query}`, line.url);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const { origin, ...headers } = headersOf(line);
  const ws = new WebSocket(url, {
    headers,
    ...(origin === undefined ? {} : { origin }),
    handshakeTimeout: WITHIN,
    // as `ask` does on the public side: the TLS check judges the certificate
    rejectUnauthorized: false,
  });
  const inbox = collect(ws);
  await opened(ws);
  return inbox;
}

function opened(ws: WebSocket): Promise<void> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('error', (error) => reject(new WireError('upgrade', reasonOf(error))));
    ws.once('unexpected-response', (_request, response: IncomingMessage) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.once('close', () => {
        const { statusCode: status = 0, headers } = response;
        const answer = { status, headers, text, ms: performance.now() - started };
        ws.terminate();
        reject(new WireError('upgrade', `HTTP ${status}`, answer));
      });
    });
  });
}

function collect(ws: WebSocket): WebSocketLine {
  const packets: string[] = [];
  const waiting = new Set<() => void>();
  ws.on('message', (data) => {
    const packet = String(data);
    if (packet === '2') return ws.send('3');
    packets.push(packet);
    for (const wake of waiting) wake();
  });
  const ended = new Promise<string>((resolve) => {
    ws.once('close', (code, reason) => resolve(code === 1006 ? 'cut off' : `closed: ${code} ${String(reason)}`.trim()));
  });
  // one that comes after the opening ends the connection, and `ended` tells
  ws.on('error', () => undefined);

  return {
    send: (packet) => ws.send(packet),
    next(matches, within) {
      return new Promise((resolve) => {
        const done = (packet: string | undefined) => {
          clearTimeout(timer);
          waiting.delete(look);
          resolve(packet);
        };
        const look = () => {
          const index = packets.findIndex(matches);
          if (index >= 0) done(packets.splice(index, 1)[0]);
        };
        const timer = setTimeout(done, within, undefined);
        waiting.add(look);
        look();
      });
    },
    ended,
    close() {
      ws.close();
      // at once would overtake the packets that say goodbye
      setTimeout(() => ws.terminate(), GOODBYE_WITHIN).unref();
    },
  };
}
