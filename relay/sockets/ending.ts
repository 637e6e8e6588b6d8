import type { Ending } from '../messages/outlet.js';
import type { SocketPipe } from './pipe.js';

/** Socket.IO's disconnect reasons by which the client, or the relay for good, said goodbye. */
const GOODBYES = new Set(['client namespace disconnect', 'server namespace disconnect']);
/** Close codes of a browser that went on purpose (RFC 6455 section 7.4.1): done, navigated away. */
const ON_PURPOSE = new Set([1000, 1001]);
/** None was given: so a page closes that is left, up to client 4.6, and any whose browser says that it is offline. */
const NO_CODE = 1005;

/**
 * Clean is a reload or navigation, after which the page loads its history from PHP. Otherwise its browser may come back
 * and is owed what it has not confirmed.
 */
export function endingOf(reason: string, pipe: SocketPipe): Ending {
  if (GOODBYES.has(reason)) return 'clean';
  if (pipe.closing !== undefined || reason !== 'transport close') return 'lost';
  if (pipe.closeCode === NO_CODE) return 'unclear';
  // over polling the client sends the same close packet after an error, as soon as it has a network again: then no
  // poll of it is waiting
  const isClean = pipe.closeCode === undefined ? pipe.closedInPoll : ON_PURPOSE.has(pipe.closeCode);
  return isClean ? 'clean' : 'lost';
}
