import type { ServerOptions } from 'socket.io';

/** What Socket.IO asks of its adapter as long as nobody joins or broadcasts to rooms. */
interface Roomless {
  init(): void;
  close(): void;
  addAll(): void;
  delAll(): void;
}

function nothing(): void {
  // a user's sockets are known to the hub
}

/**
 * Socket.IO keeps three sets and two map entries a socket, for a room of its own that nobody here sends to.
 * To be called with `new`, which gives back what the function does.
 */
function makeAdapter(): Roomless {
  return { init: nothing, close: nothing, addAll: nothing, delAll: nothing };
}

export const roomlessAdapter = makeAdapter as unknown as NonNullable<ServerOptions['adapter']>;
