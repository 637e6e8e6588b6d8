import type { Socket as EngineSocket } from 'engine.io';
import type { Packet } from '../messages/packet.js';
import type { PingsOf, Pipe } from '../messages/pipe.js';
import type { Cork } from '../together.js';
import { createDirectPings } from './direct-pings.js';
import { idleSocketOf } from './idle-socket.js';
import { createLonePongs } from './lone-pongs.js';
import { createOldPings, type OldPings } from './old-pings.js';
import { watchPollingAnswers } from './polling-answers.js';
import { watchPollingClose } from './polling-close.js';
import { progress } from './progress.js';

/** What Engine.IO's types leave out. */
interface EngineInternals {
  sendPacket(type: 'ping'): void;
  readonly writeBuffer: readonly unknown[];
  /** To the next regular ping. */
  readonly pingIntervalTimer?: NodeJS.Timeout;
}

interface EnginePacket {
  readonly type: string;
  readonly data?: string | Buffer;
  readonly options?: { readonly wsPreEncodedFrame?: readonly Buffer[] };
}

export interface SocketPipe extends Pipe {
  /** Of the socket. */
  readonly id: string;
  readonly conn: EngineSocket;
  /** Why the relay itself closed it, `undefined` as long as it did not. */
  readonly closing: string | undefined;
  /** The code of the WebSocket's close frame, 1006 for none; `undefined` over polling. */
  readonly closeCode: number | undefined;
  /** Over polling: the client's close came while its poll was waiting, as one does that was well until then. */
  readonly closedInPoll: boolean;
  /** Whether more than the limit is queued for it, whoever wrote it. It is closed then, as a slow consumer. */
  overflows(): boolean;
}

export interface SocketPipesOptions {
  /** Bytes that may be queued before the socket counts as slow and is closed. */
  readonly limit: number;
  readonly onSlow: (pipe: SocketPipe) => void;
  readonly cork: Cork;
}

/** A ping whose pong is to come: whom to tell, as in `Pipe.onPings`, and what they said when it went out. */
interface Flight {
  readonly pings: PingsOf<unknown, unknown>;
  readonly by: unknown;
  readonly mark: unknown;
}

/** A record with functions that all share: ten closures, and getters, were 2 KB of each connection's memory. */
interface State extends SocketPipe {
  /** Bytes in Engine.IO's buffer, unless that is empty. */
  queued: number;
  /** Bytes of answers to polls that have not gone out, as polling-answers.ts counts them. */
  unread: number;
  closing: string | undefined;
  closeCode: number | undefined;
  closedInPoll: boolean;
  pings: PingsOf<unknown, unknown>;
  by: unknown;
  /** Mostly none or one, for which a list that grows has room for 17. */
  inFlight: readonly Flight[];
  oldPings: OldPings | undefined;
}

const PIPE = Symbol('pipe');
const NOBODY: PingsOf<unknown, unknown> = { sent: () => undefined, answered: () => undefined };
const NO_FLIGHTS: readonly Flight[] = [];

/** Makes pipes that write prepared packets straight to Engine.IO: encoding and framing are done once for all sockets. */
export function createSocketPipes({ limit, onSlow, cork }: SocketPipesOptions) {
  const takeLonePongs = createLonePongs((conn) => land(pipeOf(conn)));
  const pingDirectly = createDirectPings((conn) => takeOff(pipeOf(conn)));

  function send(this: State, { text, frame, pinged }: Packet, wantsPing = false): void {
    const { conn } = this;
    if (this.closing !== undefined) return;
    const idle = pinged.length < limit / 2 ? idleSocketOf(conn) : undefined;
    if (idle !== undefined && conn.protocol !== 3) {
      if (wantsPing) takeOff(this);
      cork(idle);
      idle.write(wantsPing ? pinged : frame);
      return;
    }
    conn.write(text, { compress: false, wsPreEncodedFrame: [frame] } as Parameters<typeof conn.write>[1]);
    if (wantsPing) sendPing(this);
    this.overflows();
  }

  function overflows(this: State): boolean {
    if (this.buffered() <= limit) return false;
    if (this.closing === undefined) onSlow(this);
    closeFor(this, 'slow_consumer', true);
    return true;
  }

  function buffered(this: State): number {
    const { conn, queued, unread } = this;
    const waiting = internalsOf(conn).writeBuffer.length === 0 ? 0 : queued;
    return waiting + unread + (webSocketOf(conn)?.bufferedAmount ?? 0);
  }

  async function drained(this: State): Promise<void> {
    while (this.buffered() > limit / 2 && this.conn.readyState === 'open') await progress(this.conn);
  }

  function ping(this: State): void {
    if (this.closing !== undefined) return;
    sendPing(this);
    this.overflows();
  }

  function onPings<By, Mark>(this: State, pings: PingsOf<By, Mark>, by: By): void {
    this.pings = pings as PingsOf<unknown, unknown>;
    this.by = by;
  }

  function close(this: State, reason: string): void {
    closeFor(this, reason, false);
  }

  function watchWebSocket(this: EngineSocket): void {
    watchCloseCode(this);
    if (this.protocol !== 3) takeLonePongs(this);
  }

  function onUpgrade(this: EngineSocket): void {
    watchWebSocket.call(this);
    // with the old transport Engine.IO drops its wait for a pong, and without a pong it would never send another ping
    if (this.protocol !== 3) internalsOf(this).pingIntervalTimer?.refresh();
  }

  return (id: string, conn: EngineSocket): SocketPipe => {
    const pipe: State = {
      id,
      conn,
      send,
      buffered,
      drained,
      ping,
      onPings,
      close,
      overflows,
      queued: 0,
      unread: 0,
      closing: undefined,
      closeCode: undefined,
      closedInPoll: false,
      pings: NOBODY,
      by: undefined,
      inFlight: NO_FLIGHTS,
      oldPings: undefined,
    };
    Object.assign(conn, { [PIPE]: pipe });
    watchPollingClose(conn, pipe);
    watchPollingAnswers(conn, (bytes) => {
      pipe.unread += bytes;
    });
    watchWebSocket.call(conn);
    conn.on('packetCreate', onCreated);
    if (conn.protocol === 3) pipe.oldPings = createOldPings(conn, () => follow(pipe));
    else {
      conn.on('packet', onPacket);
      pingDirectly(conn);
    }
    conn.on('upgrade', onUpgrade);
    return pipe;
  };
}

function closeFor(pipe: State, reason: string, discard: boolean): void {
  if (pipe.closing !== undefined) return;
  pipe.closing = reason;
  pipe.conn.close(discard);
}

function sendPing(pipe: State): void {
  const { conn, oldPings } = pipe;
  if (oldPings === undefined) internalsOf(conn).sendPacket('ping');
  else oldPings.send();
}

/**
 * To be called for every ping, heartbeats included, and `land` for every pong: from the first packet on, since one ping
 * that was missed would shift all pongs after it.
 */
function takeOff(pipe: State | undefined): void {
  if (pipe === undefined) return;
  const { pings, by, inFlight } = pipe;
  const flight = { pings, by, mark: pings.sent(by) };
  pipe.inFlight = inFlight.concat([flight]);
}

function land(pipe: State | undefined): void {
  const flight = pipe?.inFlight[0];
  if (pipe === undefined || flight === undefined) return;
  pipe.inFlight = pipe.inFlight.length === 1 ? NO_FLIGHTS : pipe.inFlight.slice(1);
  flight.pings.answered(flight.by, flight.mark);
}

function follow({ pings, by }: State): () => void {
  const mark = pings.sent(by);
  return () => pings.answered(by, mark);
}

/** About to be put into Engine.IO's buffer: all that does not go by the fast path, acks and heartbeats included. */
function onCreated(this: EngineSocket, packet: EnginePacket): void {
  const pipe = pipeOf(this);
  if (pipe === undefined) return;
  if (packet.type === 'ping') takeOff(pipe);
  if (internalsOf(this).writeBuffer.length === 0) pipe.queued = 0;
  pipe.queued += sizeOf(packet);
}

function sizeOf({ data = '', options }: EnginePacket): number {
  return options?.wsPreEncodedFrame?.[0]?.length ?? Buffer.byteLength(data);
}

function onPacket(this: EngineSocket, { type }: { type: string }): void {
  if (type === 'pong') land(pipeOf(this));
}

function watchCloseCode(conn: EngineSocket): void {
  const socket = webSocketOf(conn);
  if (socket === undefined) return;
  socket[PIPE] = pipeOf(conn);
  // before Engine.IO's own listener, which has the socket torn down at once
  socket.prependListener('close', noteCloseCode);
}

function noteCloseCode(this: WebSocketLike, code: number): void {
  const pipe = this[PIPE];
  if (pipe !== undefined) pipe.closeCode = code;
}

interface WebSocketLike {
  readonly bufferedAmount: number;
  prependListener(event: 'close', listener: (this: WebSocketLike, code: number) => void): unknown;
  [PIPE]?: State | undefined;
}

function webSocketOf(conn: EngineSocket): WebSocketLike | undefined {
  if (conn.transport.name !== 'websocket') return undefined;
  return (conn.transport as unknown as { readonly socket?: WebSocketLike }).socket;
}

function pipeOf(conn: EngineSocket): State | undefined {
  return (conn as EngineSocket & { readonly [PIPE]?: State })[PIPE];
}

function internalsOf(conn: EngineSocket): EngineInternals {
  return conn as unknown as EngineInternals;
}
