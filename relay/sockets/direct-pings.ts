import type { Socket as EngineSocket } from 'engine.io';
import { PING } from '../messages/packet.js';
import { idleSocketOf } from './idle-socket.js';

/** What the types of Engine.IO leave out. */
interface EngineInternals {
  sendPacket: SendPacket;
}

type SendPacket = (this: EngineSocket, type: string, data?: unknown, options?: unknown, callback?: unknown) => void;

/**
 * Lets Engine.IO's pings, the regular heartbeat's as well, go straight to a WebSocket that is idle: a packet, three lists
 * and five events for one byte, twice a heartbeat with its pong (lone-pongs.ts), were more than half of what 10,000 idle
 * pages leave to the collector (25.8 to 11.2 MB in 40 s that outlived a scavenge), and so much that V8 never found the
 * time to give memory back.
 *
 * @param sent called with each connection that is sent a ping in this way
 * @returns to be called with each connection, once
 */
export function createDirectPings(sent: (conn: EngineSocket) => void): (conn: EngineSocket) => void {
  /** Of the class, the same for all. */
  let sendPacket: SendPacket;

  function pingOrSend(this: EngineSocket, type: string, data?: unknown, options?: unknown, callback?: unknown): void {
    const idle = type === 'ping' ? idleSocketOf(this) : undefined;
    if (idle === undefined) {
      sendPacket.call(this, type, data, options, callback);
      return;
    }
    sent(this);
    idle.write(PING);
  }

  return (conn) => {
    const internals = conn as unknown as EngineInternals;
    ({ sendPacket } = internals);
    internals.sendPacket = pingOrSend;
  };
}
