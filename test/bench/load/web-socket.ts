import { CLOSE, createFrameReader, TEXT, textFrame } from './frames.js';
import { readHead } from './http.js';
import { openLine } from './line.js';
import { Refused } from './refused.js';

/** A browser's side of a WebSocket. */
export interface WebSocketLine {
  send(text: string): void;
  /** A frame that was made before. */
  sendFrame(frame: Buffer): void;
  destroy(): void;
}

export interface WebSocketOptions {
  readonly port: number;
  readonly path: string;
  /** The server agreed to the upgrade. */
  readonly onOpen?: () => void;
  readonly onText: (text: string) => void;
  /** It ended, by whoever's doing. */
  readonly onEnd: (error: Error | undefined) => void;
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
/** What RFC 6455 answers to that key. */
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const EMPTY = Buffer.alloc(0);

/** Resolves once the upgrade is asked for; a server that refuses it ends the line with an error, Refused if for now. */
export async function openWebSocket(options: WebSocketOptions): Promise<WebSocketLine> {
  const { port, path, onOpen, onText, onEnd } = options;
  const readFrames = createFrameReader((opcode, payload) => {
    if (opcode === TEXT) onText(payload.toString());
    else if (opcode !== CLOSE) throw new Error(`a frame with opcode ${opcode}`);
  });
  const socket = await openLine(port, { onBytes: upgradeFirst(onOpen, readFrames), onEnd });
  socket.write(
    [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${KEY}`,
      '\r\n',
    ].join('\r\n'),
  );
  return {
    send: (text) => void socket.write(textFrame(text)),
    sendFrame: (frame) => void socket.write(frame),
    destroy: () => void socket.destroy(),
  };
}

/** Reads the answer to the upgrade; what comes behind it goes to `then`. */
function upgradeFirst(onOpen: (() => void) | undefined, then: (bytes: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer | undefined = EMPTY;
  return (bytes) => {
    if (rest === undefined) return then(bytes);
    const buffer = Buffer.concat([rest, bytes]);
    const head = readHead(buffer);
    if (head === undefined) {
      rest = buffer;
      return;
    }
    if (head.status === 503) throw new Refused(buffer.toString('utf8', head.end));
    if (head.status !== 101 || !head.text.includes(ACCEPT)) throw new Error(`no upgrade: ${buffer.toString()}`);
    rest = undefined;
    onOpen?.();
    then(buffer.subarray(head.end));
  };
}
