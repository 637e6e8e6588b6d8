import type { Socket } from 'node:net';

/** The head of an HTTP message, and the bytes that came behind it. */
export interface Head {
  readonly startLine: string;
  readonly lines: readonly string[];
  readonly rest: Buffer;
}

const END = '\r\n\r\n';
const LIMIT = 16_384;

/** Reads up to the blank line and pauses the socket; calls back once, never when the socket ends or fails before it. */
export function readHead(socket: Socket, then: (head: Head) => void): void {
  let bytes = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf(END);
    if (end < 0 && bytes.length < LIMIT) {
      return;
    }
    socket.pause();
    socket.off('data', onData);
    const [startLine = '', ...lines] = bytes.toString('latin1', 0, Math.max(end, 0)).split('\r\n');
    then({ startLine, lines, rest: bytes.subarray(end + END.length) });
  };
  socket.on('data', onData);
}

export function writeHead(head: Head): Buffer {
  return Buffer.concat([Buffer.from([head.startLine, ...head.lines].join('\r\n') + END, 'latin1'), head.rest]);
}

/** The values of a header, in order. */
export function headers(head: Head, name: string): string[] {
  const prefix = `${name}:`;
  return head.lines
    .filter((line) => line.toLowerCase().startsWith(prefix))
    .map((line) => line.slice(prefix.length).trim());
}
