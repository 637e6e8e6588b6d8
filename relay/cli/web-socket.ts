import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { WebSocket } from 'ws';
import { reasonOf } from './ask.js';
import { headersOf, type Line } from './polling.js';
import { WireError } from './wire-error.js';

/** Engine.IO packets over a WebSocket. Pings are answered by themselves. */
export interface WebSocketLine {
  /** The address that it comes from, of this machine. */
  readonly from: string | undefined;
  send(packet: string): void;
  /** The next packet that has not been given yet and matches; `undefined` when none came in time. */
  next(matches: (packet: string) => boolean, within: number): Promise<string | undefined>;
  /** How it ended, in words. */
  readonly ended: Promise<string>;
  close(): void;
}

const WITHIN = 5_000;
const GOODBYE_WITHIN = 1_000;

/**
 * @param from an address of this machine to come from, where it is not to be the usual one
 * @throws WireError of the stage `upgrade`, with the answer when it was no 101
 */
export async function dialWebSocket(line: Line, query = '', from?: string): Promise<WebSocketLine> {
  const url = new URL(`/socket.io/?EIO=4&transport=websocket${query}`, line.url);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const { origin, ...headers } = headersOf(line);
  const ws = new WebSocket(url, {
    headers,
    ...(origin === undefined ? {} : { origin }),
    ...(from === undefined ? {} : { localAddress: from, family: isIP(from) }),
    handshakeTimeout: WITHIN,
    // as `ask` does on the public side: the TLS check judges the certificate
    rejectUnauthorized: false,
  });
  const inbox = collect(ws);
  return { ...inbox, from: await opened(ws) };
}

/** Resolves with the address that it comes from. */
function opened(ws: WebSocket): Promise<string | undefined> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    let from: string | undefined;
    ws.once('upgrade', ({ socket }: IncomingMessage) => {
      from = socket.localAddress;
    });
    ws.once('open', () => resolve(from));
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

function collect(ws: WebSocket): Omit<WebSocketLine, 'from'> {
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
