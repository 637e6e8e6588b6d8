import type { Duplex } from 'node:stream';

/**
 * What is written to it until the event loop comes round goes to the kernel in one write: of what a new connection is
 * told, the answer to the upgrade with Engine.IO's first packet, and Socket.IO's first with `registered`.
 */
export function writeTogether(socket: Duplex): void {
  socket.cork();
  setImmediate(() => socket.uncork());
}
