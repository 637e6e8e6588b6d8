import type { Duplex } from 'node:stream';

/** How long what a peer left behind may take to be read, milliseconds. It is in our kernel already. */
const LINGER_MS = 250;

/**
 * Keeps a socket open for reading after a write to it failed. PHP that exits right after its message may do so at the
 * very moment at which we write our first word; Node destroys the socket then, with the message in it still unread, and
 * its streams take in nothing more after an error: what comes is handed straight to those who listen.
 */
export function readOnAfterFailedWrite(socket: Duplex): void {
  const destroy = socket.destroy.bind(socket);
  let failure: Error | undefined;
  let timer: NodeJS.Timeout | undefined;

  const finish = (): void => {
    clearTimeout(timer);
    destroy(failure);
  };
  const handOn = (chunk: unknown): boolean => {
    if (chunk === null) finish();
    else socket.emit('data', chunk);
    return true;
  };

  socket.destroy = (error) => {
    if (!isWriteFailure(error)) {
      clearTimeout(timer);
      return destroy(error);
    }
    if (failure === undefined) {
      failure = error;
      socket.push = handOn;
      timer = setTimeout(finish, LINGER_MS);
    }
    return socket;
  };
}

function isWriteFailure(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && error.syscall === 'write';
}
