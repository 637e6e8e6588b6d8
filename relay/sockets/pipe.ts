import type { Socket as EngineSocket } from 'engine.io';
import { type Packet, PING } from '../messages/packet.js';
import type { Pipe } from '../messages/pipe.js';
import type { Cork } from '../together.js';
import { idleSocketOf } from './idle-socket.js';
import { takeLonePongs } from './lone-pongs.js';
import { createOldPings } from './old-pings.js';

/** What Engine.IO's types leave out. */
interface EngineInternals {
  sendPacket(type: 'ping'): void;
  readonly writeBuffer: readonly unknown[];
}

export interface SocketPipe extends Pipe {
  /** Why the relay itself closed it, `undefined` as long as it did not. */
  readonly closing: string | undefined;
  /** The code of the WebSocket's close frame, 1006 for none; `undefined` over polling. */
  readonly closeCode: number | undefined;
  /** Over polling: the client's close came while its poll was waiting, as one does that was well until then. */
  readonly closedInPoll: boolean;
}

export interface SocketPipeOptions {
  readonly conn: EngineSocket;
  /** Bytes that may be queued before the socket counts as slow and is closed. */
  readonly limit: number;
  readonly onSlow: () => void;
  readonly cork: Cork;
}

/** Writes prepared packets straight to Engine.IO: encoding and framing are done once for all sockets. */
export function createSocketPipe({ conn, limit, onSlow, cork }: SocketPipeOptions): SocketPipe {
  const internals = conn as unknown as EngineInternals;
  let queued = 0;
  let closing: string | undefined;
  let closeCode: number | undefined;
  let closedInPoll = false;
  let mark = (): (() => void) => () => undefined;

  function buffered(): number {
    const socket = webSocketOf(conn);
    return (internals.writeBuffer.length === 0 ? 0 : queued) + (socket?.bufferedAmount ?? 0);
  }

  function close(reason: string, discard: boolean): void {
    if (closing !== undefined) return;
    closing = reason;
    conn.close(discard);
  }

  function watchCloseCode(): void {
    // before Engine.IO's own listener, which has the socket torn down at once
    webSocketOf(conn)?.prependOnceListener('close', (code: number) => {
      closeCode = code;
    });
  }
  watchCloseCode();
  watchPollingClose(conn, (inPoll) => {
    closedInPoll = inPoll;
  });
  const pings = followPings(conn, () => mark());
  conn.on('upgrade', watchCloseCode);

  return {
    get closing() {
      return closing;
    },
    get closeCode() {
      return closeCode;
    },
    get closedInPoll() {
      return closedInPoll;
    },
    send({ text, frame, pinged }: Packet, wantsPing = false) {
      if (closing !== undefined) return;
      const idle = pinged.length < limit / 2 ? idleSocketOf(conn) : undefined;
      if (idle !== undefined && conn.protocol !== 3) {
        if (wantsPing) pings.written();
        cork(idle);
        idle.write(wantsPing ? pinged : frame);
        return;
      }
      if (internals.writeBuffer.length === 0) queued = 0;
      conn.write(text, { compress: false, wsPreEncodedFrame: [frame] } as Parameters<typeof conn.write>[1]);
      if (internals.writeBuffer.length > 0) queued += frame.length;
      if (wantsPing) pings.send();
      if (buffered() <= limit) return;
      onSlow();
      close('slow_consumer', true);
    },
    buffered,
    async drained() {
      while (buffered() > limit / 2 && conn.readyState === 'open') await progress(conn);
    },
    ping() {
      if (closing === undefined) pings.send();
    },
    onPings({ sent, answered }) {
      mark = () => {
        const what = sent();
        return () => answered(what);
      };
    },
    close: (reason) => close(reason, false),
  };
}

interface Pings {
  send(): void;
  /** One goes out past Engine.IO. */
  written(): void;
}

/**
 * Calls `sent` for every ping, heartbeats included, and what it returned when the pong comes. From the first packet on:
 * one ping that was missed would shift all pongs after it.
 */
function followPings(conn: EngineSocket, sent: () => () => void): Pings {
  if (conn.protocol === 3) return createOldPings(conn, sent);
  const inFlight: (() => void)[] = [];
  const answered = () => inFlight.shift()?.();
  takeLonePongs(conn, answered);
  conn.on('upgrade', () => takeLonePongs(conn, answered));
  const written = () => {
    inFlight.push(sent());
  };
  conn.on('packetCreate', ({ type }: { type: string }) => {
    if (type === 'ping') written();
  });
  conn.on('packet', ({ type }: { type: string }) => {
    if (type === 'pong') answered();
  });
  const send = () => {
    const idle = idleSocketOf(conn);
    if (idle === undefined) return (conn as unknown as EngineInternals).sendPacket('ping');
    written();
    idle.write(PING);
  };
  return { send, written };
}

/**
 * Tells whether a poll was waiting when the client's close packet came. Engine.IO answers that poll before it emits
 * anything, so its handler is stepped in front of.
 */
function watchPollingClose(conn: EngineSocket, tell: (inPoll: boolean) => void): void {
  if (conn.transport.name !== 'polling') return;
  const transport = conn.transport as unknown as { readonly writable: boolean; onClose(): void };
  const onClose = transport.onClose.bind(transport);
  transport.onClose = () => {
    tell(transport.writable);
    onClose();
  };
}

/** Resolves when the transport wrote something, was replaced, or is gone. */
function progress(conn: EngineSocket): Promise<void> {
  const { transport } = conn;
  return new Promise((resolve) => {
    const done = () => {
      transport.off('drain', done);
      conn.off('upgrade', done);
      conn.off('close', done);
      resolve();
    };
    transport.on('drain', done);
    conn.on('upgrade', done);
    conn.on('close', done);
  });
}

interface WebSocketLike {
  readonly bufferedAmount: number;
  prependOnceListener(event: 'close', listener: (code: number) => void): unknown;
}

function webSocketOf(conn: EngineSocket): WebSocketLike | undefined {
  if (conn.transport.name !== 'websocket') return undefined;
  return (conn.transport as unknown as { readonly socket?: WebSocketLike }).socket;
}
