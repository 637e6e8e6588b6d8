import { Writable } from 'node:stream';
import type { Socket as EngineSocket } from 'engine.io';

/** What the types of Engine.IO and ws leave out. */
interface EngineInternals {
  readonly transport: { readonly name: string; readonly socket?: { readonly _receiver?: Receiver } };
  /** Runs while the regular heartbeat waits for its pong. */
  readonly pingTimeoutTimer: unknown;
  /** Ends that wait, and tells the listeners to `packet`. */
  onPacket(packet: { readonly type: 'pong' }): void;
}

const CONN = Symbol('conn');

interface Receiver {
  [CONN]?: EngineSocket;
  write(bytes: Buffer): boolean;
  readonly writableLength: number;
  readonly _state: number;
  readonly _opcode: number;
  readonly _bufferedBytes: number;
  readonly _fragmented: number;
  readonly _loop: boolean;
  readonly _errored: boolean;
}

const PONG = { type: 'pong' } as const;
const FINAL_TEXT = 0x81;
const MASKED_ONE = 0x81;
/** Two bytes of head, four of mask, one of payload. */
const LENGTH = 7;
const TYPE_PONG = 0x33;
/** Of ws's receiver: it waits for a frame's first byte. */
const GET_INFO = 0;
const CLOSE = 8;

/**
 * Takes a pong that comes by itself, as the answer to a confirmation does, before ws's receiver and Engine.IO: a stream,
 * an event with all its listeners and two timers for one byte were a quarter of a delivery to 10,000 sockets (44 to 34 µs,
 * `npm run bench -- --workloads fanout`). That of the regular heartbeat is left to Engine.IO, but without the stream before
 * it. Whatever else comes goes the usual way.
 *
 * @returns to be called with each connection, and again when it has become a WebSocket
 */
export function createLonePongs(answered: (conn: EngineSocket) => void): (conn: EngineSocket) => void {
  const write = Writable.prototype.write as (this: Receiver, bytes: Buffer) => boolean;

  function takeOrWrite(this: Receiver, bytes: Buffer): boolean {
    const conn = this[CONN];
    if (conn === undefined || !isPong(bytes) || conn.readyState !== 'open' || !isIdle(this)) {
      return write.call(this, bytes);
    }
    if (isBeating(conn)) internalsOf(conn).onPacket(PONG);
    else answered(conn);
    return true;
  }

  return (conn) => {
    const { transport } = internalsOf(conn);
    const receiver = transport.name === 'websocket' ? transport.socket?._receiver : undefined;
    if (receiver === undefined) return;
    receiver[CONN] = conn;
    receiver.write = takeOrWrite;
  };
}

/** The regular heartbeat waits for its pong. */
function isBeating(conn: EngineSocket): boolean {
  return internalsOf(conn).pingTimeoutTimer !== null;
}

function internalsOf(conn: EngineSocket): EngineInternals {
  return conn as unknown as EngineInternals;
}

/** A masked, unfragmented text frame (RFC 6455 section 5.2) that holds the Engine.IO packet `3`. */
function isPong(bytes: Buffer): boolean {
  if (bytes.length !== LENGTH || bytes[0] !== FINAL_TEXT || bytes[1] !== MASKED_ONE) return false;
  return ((bytes[6] ?? 0) ^ (bytes[2] ?? 0)) === TYPE_PONG;
}

/** Between two messages, with nothing kept from what came before. */
function isIdle({ writableLength, _state, _opcode, _bufferedBytes, _fragmented, _loop, _errored }: Receiver): boolean {
  const between = _state === GET_INFO && _bufferedBytes === 0 && _fragmented === 0 && writableLength === 0;
  return between && _opcode !== CLOSE && !_loop && !_errored;
}
