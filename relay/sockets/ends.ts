import type { Duplex } from 'node:stream';

/** How many are taken apart in a turn of the event loop: 5 ms of work. */
const AT_ONCE = 64;

/**
 * Has connections of ws end in turn, some at each turn of the event loop. When a proxy is restarted thousands end at once,
 * and libuv hands on all of them before anything else is done: taken apart there and then (75 µs each), 20,000 kept
 * every message and every call of PHP waiting for 1.5 s (`npm run bench -- --workloads growth`).
 *
 * @returns to be called with the connection of each new WebSocket, when ws listens to it
 */
export function createEnds(): (socket: Duplex) => void {
  /** What ws does at the end and at the close of a connection: of all of them the same functions. */
  let end: Listener | undefined;
  let close: Listener | undefined;
  let queue: Duplex[] = [];
  let next = 0;

  function ended(this: Duplex): void {
    // its close is part of it
    this.off('close', closed);
    take(this);
  }

  function closed(this: Duplex): void {
    take(this);
  }

  function take(socket: Duplex): void {
    if (queue.push(socket) === 1) setImmediate(step);
  }

  function step(): void {
    for (const socket of queue.slice(next, next + AT_ONCE)) finish(socket);
    next += AT_ONCE;
    if (next < queue.length) {
      setImmediate(step);
      return;
    }
    queue = [];
    next = 0;
  }

  function finish(socket: Duplex): void {
    if (socket.closed) {
      close?.call(socket);
      return;
    }
    if (close !== undefined) socket.on('close', close);
    if (!socket.destroyed) end?.call(socket);
  }

  return (socket) => {
    end = listenerOf(socket, 'end') ?? end;
    close = listenerOf(socket, 'close') ?? close;
    if (end === undefined || close === undefined) return;
    socket.off('end', end).on('end', ended);
    socket.off('close', close).on('close', closed);
  };
}

type Listener = (this: Duplex) => void;

/** The newest. */
function listenerOf(socket: Duplex, event: 'end' | 'close'): Listener | undefined {
  return socket.listeners(event).at(-1) as Listener | undefined;
}
