import type { SocketPipe } from './pipe.js';

/** Socket.IO's disconnect reasons by which the client, or the relay for good, said goodbye. */
const GOODBYES = new Set(['client namespace disconnect', 'server namespace disconnect']);
/** Close codes of a browser that went on purpose (RFC 6455 section 7.4.1): done, navigated away, gave none. */
const ON_PURPOSE = new Set([1000, 1001, 1005]);

/**
 * Whether the browser closed cleanly: a reload or navigation, after which the page loads its history from PHP.
 * Otherwise it may come back and is owed what it has not confirmed.
 */
export function endedCleanly(reason: string, pipe: SocketPipe): boolean {
  if (GOODBYES.has(reason)) return true;
  if (pipe.closing !== undefined || reason !== 'transport close') return false;
  // over polling the client sends the same close packet after an error, as soon as it has a network again: then no
  // poll of it is waiting
  return pipe.closeCode === undefined ? pipe.closedInPoll : ON_PURPOSE.has(pipe.closeCode);
}
