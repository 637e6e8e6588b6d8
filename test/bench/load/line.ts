import { connect, type Socket } from 'node:net';

// Reads are handled at once, so one buffer does for all: without it each read would make its own.
const shared = Buffer.allocUnsafe(65_536);

export interface Line {
  readonly onBytes: (bytes: Buffer) => void;
  readonly onEnd: (error: Error | undefined) => void;
}

/** A TCP connection whose bytes are valid during `onBytes` only. Rejects when it cannot be made. */
export function openLine(port: number, { onBytes, onEnd }: Line): Promise<Socket> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    const onread = {
      buffer: shared,
      callback: (length: number) => {
        try {
          onBytes(shared.subarray(0, length));
        } catch (error) {
          socket.destroy(error instanceof Error ? error : new Error(String(error)));
        }
        return true;
      },
    };
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, onread });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => {
      failure = error;
      reject(error);
    });
    socket.once('close', () => onEnd(failure));
  });
}
