import { decode, ExtData, ExtensionCodec } from '@msgpack/msgpack';
import { isPayload } from '../messages/legacy-fields.js';
import { mendTime } from '../messages/notification.js';
import { userIdOf } from '../user-id.js';
import { nameProblem } from './event-names.js';

/** One publish of a Socket.IO emitter, understood as far as its format goes. */
export type Emitted = EmittedEvent | { readonly kind: 'refused'; readonly reason: EmitterProblem };

export interface EmittedEvent {
  readonly kind: 'event';
  readonly event: string;
  /** The JSON of each argument; `null` where there is none. */
  readonly args: readonly string[];
  /** At least one. */
  readonly rooms: readonly string[];
  readonly except: readonly string[];
  /** Whom the first argument names as its sender. */
  readonly sender: string | undefined;
}

export type EmitterProblem = keyof typeof EMITTER_HINTS;

export const EMITTER_HINTS = {
  no_packet: 'no MessagePack of [uid, packet, options]: do other programs publish under RELAY_EMITTER_KEY?',
  no_event: "the packet is no event, or its name is one of Socket.IO's own, or longer than 128 characters",
  binary: 'it holds binary data: emit it as text, in base64 for example',
  namespace: 'it is for another namespace than /: emit it without of()',
  broadcast: "without a room it would be for everyone: name the people, as in to('user:17') or to('conversation:5')",
  too_large: 'an event may have RELAY_MAX_PAYLOAD bytes',
} as const;

/** The packet type of an event with binary data (Socket.IO protocol 4 and 5). */
const EVENT = 2;
const BINARY_EVENT = 5;
const LIMITS = { maxArrayLength: 100_000, maxMapLength: 100_000 };

/** notepack, which the emitters use, writes `undefined` as an extension of type 0. */
const extensionCodec = new ExtensionCodec();
extensionCodec.register({ type: 0, encode: () => null, decode: () => undefined });

class Binary extends Error {}

/**
 * Reads `[uid, {type, data, nsp}, {rooms, except}]` as `@socket.io/redis-emitter` and its older relatives publish it,
 * and `[packet, options]` as PHP's Rase emitter does. A room may stand in the channel alone: `socket.io#/#room#`.
 */
export function readEmitted(channel: string, bytes: Uint8Array): Emitted {
  const parts = unpack(bytes);
  const [packet, options] = isPayload(parts[0]) ? parts : parts.slice(1);
  if (!isPayload(packet)) return refused('no_packet');
  if ((packet.nsp ?? '/') !== '/') return refused('namespace');
  if (packet.type === BINARY_EVENT) return refused('binary');
  const [event, ...args]: unknown[] = Array.isArray(packet.data) ? packet.data : [];
  if (packet.type !== EVENT || typeof event !== 'string' || nameProblem(event) !== undefined)
    return refused('no_event');
  const { rooms, except } = isPayload(options) ? options : {};
  const named = roomsOf(rooms);
  const inChannel = /#\/#(.+)#$/s.exec(channel)?.[1];
  const to = named.length > 0 || inChannel === undefined ? named : [inChannel];
  if (to.length === 0) return refused('broadcast');
  const [first, ...rest] = args;
  const sender = isPayload(first) ? userIdOf(first.sender_id) : undefined;
  try {
    const mended = isPayload(first) && event === 'receive_message' ? mendTime(first) : first;
    return { kind: 'event', event, args: [mended, ...rest].map(toJson), rooms: to, except: roomsOf(except), sender };
  } catch (error) {
    if (error instanceof Binary) return refused('binary');
    // nesting that can be read and not be written
    if (error instanceof RangeError) return refused('too_large');
    throw error;
  }
}

function refused(reason: EmitterProblem): Emitted {
  return { kind: 'refused', reason };
}

function unpack(bytes: Uint8Array): readonly unknown[] {
  try {
    // no Buffer, whose parts would be Buffers too, and hide from toJson behind a toJSON of their own
    const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const value = decode(plain, { extensionCodec, ...LIMITS });
    return Array.isArray(value) ? value : [];
  } catch {
    // whatever it was, it was not written by an emitter: told as such
    return [];
  }
}

/** PHP writes a list with holes as a map, and ids as numbers. */
function roomsOf(value: unknown): readonly string[] {
  const list: unknown[] = Array.isArray(value) ? value : isPayload(value) ? Object.values(value) : [];
  return list.map(userIdOf).filter((room) => room !== undefined);
}

function toJson(value: unknown): string {
  const json: string | undefined = JSON.stringify(value, (_key, inner: unknown) => {
    if (inner instanceof Uint8Array || inner instanceof ExtData) throw new Binary();
    return inner;
  });
  return json ?? 'null';
}
