import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Frame } from './framing.js';
import { readFrame, readText } from './framing.js';
import { createQuiet } from './quiet.js';
import { readOnAfterFailedWrite } from './read-on.js';

/** Frames of one connection that wait for the core before no more are read from it. */
const MAX_WAITING = 256;

/** What became of an event, told to those who ask (an ack number, or the first plain JSON of a connection). */
export type Outcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly error: { readonly code: string; readonly message: string } };

export interface ConnectionOptions {
  /** As declared by the URL: undefined for a plain WebSocket, which is never told a word of Engine.IO unasked. */
  readonly engine: 3 | 4 | undefined;
  /** Bytes, told in the Engine.IO handshake. */
  readonly maxPayload: number;
  /** Called one at a time, in order. Never rejects. */
  readonly onFrame: (frame: Frame) => Promise<Outcome | undefined>;
}

export interface Connection {
  /** Resolves once the connection is gone and all that came over it was handled. */
  readonly ended: Promise<void>;
  /** Waits for what came to be handled, then sends a close frame. */
  close(): Promise<void>;
}

export function serveConnection(ws: WebSocket, socket: Duplex, options: ConnectionOptions): Connection {
  const answers: (() => void)[] = [];
  let engine = options.engine;
  let opened = false;
  let toldPlain = false;
  let waiting = 0;
  let handled: Promise<void> = Promise.resolve();

  const quiet = createQuiet(() => {
    if (ws.readyState !== ws.OPEN) return opened;
    if (engine !== undefined && !opened) {
      opened = true;
      ws.send(openPacket(options.maxPayload));
      if (engine === 3) ws.send('40');
    }
    for (const give of answers.splice(0)) give();
    return opened;
  });
  // Waits once more rather than asking how long ago the last byte was: late is harmless, early is not.
  const later = (give: () => void): void => {
    answers.push(give);
    quiet.again();
  };
  const say = (text: string): void => later(() => ws.send(text));

  const answer = (frame: Frame, outcome: Outcome | undefined): void => {
    if (frame.kind === 'connect') {
      engine ??= 4;
      if (engine === 4) say(`40${prefix(frame.namespace)}{"sid":"${sid()}"}`);
      else if (frame.namespace !== '/') say(`40${frame.namespace}`);
    } else if (frame.kind === 'ping') {
      say(`3${frame.data}`);
    } else if (frame.kind === 'event' && frame.ack !== undefined && outcome !== undefined) {
      say(`43${prefix(frame.namespace)}${frame.ack}${JSON.stringify([outcome])}`);
    } else if (frame.kind === 'json' && engine === undefined && outcome !== undefined && !toldPlain) {
      // For `send(); receive();` as in the libraries' examples; once, or a sender that never reads would be filled up.
      toldPlain = true;
      say(JSON.stringify(outcome));
    }
  };

  const take = (frame: Frame): void => {
    waiting += 1;
    if (waiting === MAX_WAITING) ws.pause();
    handled = handled.then(async () => {
      answer(frame, await options.onFrame(frame));
      waiting -= 1;
      if (waiting === MAX_WAITING / 2 && ws.isPaused) ws.resume();
    });
  };

  readOnAfterFailedWrite(socket);
  socket.on('data', quiet.again);
  ws.on('message', (data) => take(readFrame(readText(bufferOf(data)))));
  ws.on('ping', (data) => later(() => ws.pong(data)));
  const closed = new Promise<void>((resolve) => ws.once('close', () => resolve()));
  return {
    ended: closed.then(async () => {
      quiet.stop();
      await handled;
    }),
    async close() {
      await handled;
      ws.close(1001);
    },
  };
}

/**
 * The server's pings are announced a day apart, since none are sent: a sender that does not read would end with them
 * unread. TCP keep-alive finds the dead.
 */
function openPacket(maxPayload: number): string {
  const handshake = { sid: sid(), upgrades: [], pingInterval: 86_400_000, pingTimeout: 20_000, maxPayload };
  return `0${JSON.stringify(handshake)}`;
}

function sid(): string {
  return randomBytes(15).toString('base64url');
}

function prefix(namespace: string): string {
  return namespace === '/' ? '' : `${namespace},`;
}

function bufferOf(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
}
