import { deferred } from './deferred.js';
import { CLOSE, createFrameReader, TEXT, textFrame } from './frames.js';
import { readHead } from './http.js';
import { openLine } from './line.js';
import { pageToken } from './secret.js';

/** A browser tab: one registered Socket.IO connection over WebSocket. */
export interface Page {
  close(): void;
}

export interface PageOptions {
  readonly port: number;
  readonly user: string;
  readonly onEvent: (name: string, payload: unknown) => void;
  /** It ended, and nobody had asked for that. */
  readonly onLost: (error: Error) => void;
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
/** What RFC 6455 answers to that key. */
const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const PONG = textFrame('3');
const EMPTY = Buffer.alloc(0);

/** Connects with a token and resolves once the server has said `registered`. */
export async function openPage({ port, user, onEvent, onLost }: PageOptions): Promise<Page> {
  let closing = false;
  const registered = deferred<void>();
  const lost = (error: Error) => {
    registered.reject(error);
    onLost(error);
  };

  const readFrames = createFrameReader((opcode, payload) => {
    if (opcode === TEXT) receive(payload.toString());
    else if (opcode !== CLOSE) throw new Error(`a frame with opcode ${opcode}`);
  });

  function receive(packet: string): void {
    if (packet === '2') socket.write(PONG);
    else if (packet.startsWith('42')) event(packet);
    else if (packet.startsWith('0')) socket.write(textFrame(`40${JSON.stringify({ token: pageToken(user) })}`));
    else if (!packet.startsWith('40')) throw new Error(`user ${user} was sent ${packet}`);
  }

  function event(packet: string): void {
    const [name, payload] = JSON.parse(packet.slice(2)) as [string, unknown];
    if (name === 'registered') registered.resolve();
    else onEvent(name, payload);
  }

  const socket = await openLine(port, {
    onBytes: upgradeFirst(readFrames),
    onEnd: (error) => {
      if (!closing) lost(error ?? new Error(`the server closed the connection of user ${user}`));
    },
  });
  socket.write(
    [
      'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1',
      `Host: 127.0.0.1:${port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${KEY}`,
      '\r\n',
    ].join('\r\n'),
  );
  await registered.promise;
  return {
    close() {
      closing = true;
      socket.destroy();
    },
  };
}

/** Reads the answer to the upgrade; what comes behind it goes to `then`. */
function upgradeFirst(then: (bytes: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer | undefined = EMPTY;
  return (bytes) => {
    if (rest === undefined) return then(bytes);
    const buffer = Buffer.concat([rest, bytes]);
    const head = readHead(buffer);
    if (head === undefined) {
      rest = buffer;
      return;
    }
    if (head.status !== 101 || !head.text.includes(ACCEPT)) throw new Error(`no upgrade: ${buffer.toString()}`);
    rest = undefined;
    then(buffer.subarray(head.end));
  };
}
