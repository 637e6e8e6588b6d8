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
}

export function encodeEvent(event: string, ...args: readonly string[]): Packet {
  const text = `2[${[JSON.stringify(event), ...args].join(',')}]`;
  return { text, frame: textFrame(`4${text}`) };
}

const plain = new WeakMap<Message, Packet>();

/** The message as an unmodified page gets it: exactly one argument. */
export function packetOf(message: Message): Packet {
  const known = plain.get(message);
  if (known !== undefined) return known;
  const packet = encodeEvent(message.event, message.body);
  plain.set(message, packet);
  return packet;
}

/** The message for a socket that asked for `meta`. */
export function packetWithMeta(message: Message, position: Position): Packet {
  return encodeEvent(message.event, message.body, JSON.stringify({ id: message.id, cursor: cursorOf(position) }));
}

/** An unmasked, unfragmented text frame, RFC 6455 section 5.2. */
function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = 0x81;
  if (head === 2) frame[1] = length;
  else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.write(text, head);
  return frame;
}
