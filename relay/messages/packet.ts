import { cursorOf } from '../store/cursor.js';
import type { Message, Position } from '../store/store.js';

/**
 * One Socket.IO event, encoded once for all sockets. `text` is the Socket.IO packet, which polling and old protocols
 * take; `frame` the whole WebSocket frame, which Engine.IO writes as it is: without it every socket's copy would be
 * encoded and framed again.
 */
export interface Packet {
  readonly text: string;
  readonly frame: Buffer;
  /** The frame and that of an Engine.IO ping behind it: one write for both. */
  readonly pinged: Buffer;
}

export function encodeEvent(event: string, ...args: readonly string[]): Packet {
  const text = `2[${[JSON.stringify(event), ...args].join(',')}]`;
  const pinged = framesOf(`4${text}`);
  return { text, frame: pinged.subarray(0, pinged.length - PING.length), pinged };
}

/** A message goes to all its sockets in one go: to remember the last one is enough. */
let last: { readonly message: Message; readonly packet: Packet } | undefined;

/** The message as an unmodified page gets it: exactly one argument. */
export function packetOf(message: Message): Packet {
  if (last?.message !== message) last = { message, packet: encodeEvent(message.event, message.body) };
  return last.packet;
}

/** The message for a socket that asked for `meta`. */
export function packetWithMeta(message: Message, position: Position): Packet {
  return encodeEvent(message.event, message.body, JSON.stringify({ id: message.id, cursor: cursorOf(position) }));
}

/** The whole WebSocket frame of an Engine.IO ping, the packet `2`. */
export const PING = Buffer.from([0x81, 1, 0x32]);

/** The text as a whole WebSocket frame. */
export function textFrame(text: string): Buffer {
  const frames = framesOf(text);
  return frames.subarray(0, frames.length - PING.length);
}

/** The text as an unmasked, unfragmented frame (RFC 6455 section 5.2), and a ping's behind it. */
function framesOf(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frames = Buffer.allocUnsafe(head + length + PING.length);
  frames[0] = 0x81;
  if (head === 2) frames[1] = length;
  else if (head === 4) {
    frames[1] = 126;
    frames.writeUInt16BE(length, 2);
  } else {
    frames[1] = 127;
    frames.writeBigUInt64BE(BigInt(length), 2);
  }
  frames.write(text, head);
  PING.copy(frames, head + length);
  return frames;
}
