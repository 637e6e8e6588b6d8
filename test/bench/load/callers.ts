import type { Socket } from 'node:net';
import { deferred } from './deferred.js';
import { createResponseReader } from './http.js';
import { openLine } from './line.js';

export interface CallOptions {
  /** Where PHP would call; the n-th connection goes to the `n % ports.length`-th. */
  readonly ports: readonly number[];
  /** Keep-alive connections, each with one request under way. */
  readonly concurrency: number;
  readonly requests: readonly Buffer[];
  /** The status of every answer; any other is an error. */
  readonly taken: number;
  /** @param port to which of `ports` */
  readonly onSent: (index: number, port: number) => void;
}

/** Sends every request once, in order, and resolves when all were taken. */
export async function callAll(options: CallOptions): Promise<void> {
  let next = 0;
  const take = () => (next < options.requests.length ? next++ : undefined);
  await Promise.all(
    Array.from({ length: options.concurrency }, (_, index) =>
      callInTurn(options, options.ports[index % options.ports.length] ?? 0, take),
    ),
  );
}

async function callInTurn(options: CallOptions, port: number, take: () => number | undefined): Promise<void> {
  const done = deferred<void>();
  const read = createResponseReader((status, body) => {
    if (status !== options.taken) throw new Error(`a notify was answered ${status}: ${body}`);
    sendNext();
  });
  const socket: Socket = await openLine(port, {
    onBytes: read,
    onEnd: (error) => done.reject(error ?? new Error('the server ended a connection of PHP')),
  });

  function sendNext(): void {
    const index = take();
    if (index === undefined) {
      done.resolve();
      return;
    }
    options.onSent(index, port);
    socket.write(options.requests[index] ?? '');
  }

  sendNext();
  await done.promise;
  socket.destroy();
}
