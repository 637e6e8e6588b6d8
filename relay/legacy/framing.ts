import { unwrapJson } from '../messages/legacy-fields.js';

/** One WebSocket message of an old notifier, understood as far as framing goes. */
export type Frame =
  /** A Socket.IO event, whatever Engine.IO version framed it. `ack` is the number it wants an answer under. */
  | {
      readonly kind: 'event';
      readonly name: string;
      readonly args: readonly unknown[];
      readonly namespace: string;
      readonly ack: string | undefined;
    }
  /** JSON without Socket.IO framing. */
  | { readonly kind: 'json'; readonly value: unknown }
  /** `40`: wants to join a namespace. */
  | { readonly kind: 'connect'; readonly namespace: string }
  /** An Engine.IO ping (EIO 3 clients ping the server), with the data to send back. */
  | { readonly kind: 'ping'; readonly data: string }
  /** `1` or `41`: about to go. */
  | { readonly kind: 'leave' }
  /** Protocol talk that carries nothing: pongs, upgrades, acks to us. */
  | { readonly kind: 'idle' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** `4` (optional), packet type, attachments, namespace, ack number, JSON. Socket.IO protocol 4 and 5 alike. */
const SOCKET_PACKET = /^4?([0-6])(\d+-)?(?:(\/[^,]*),?)?(\d+)?([[{"].*)?$/s;

/**
 * Reads text as Engine.IO 2, 3 and 4 with or without a connect before, as bare Socket.IO (`2["name",…]`), or as
 * JSON, also JSON behind an Engine.IO message type or inside a JSON string. The text decides, not the declared EIO
 * version: clients that declare one and speak another are common.
 */
export function readFrame(raw: string): Frame {
  // C-minded senders end a text with a NUL, line-minded ones with a newline.
  const text = raw.replace(/[\s\0]+$/, '').replace(/^\uFEFF?\s+/, '');
  if (text === '') return { kind: 'idle' };
  if (/^[[{"]/.test(text)) return readJson(text);
  if (/^2(?!\s*\[)/.test(text)) return { kind: 'ping', data: text.slice(1) };
  if (text === '1' || text.startsWith('41')) return { kind: 'leave' };
  if (/^[356](?!\d*[[{"])/.test(text)) return { kind: 'idle' };
  if (/^4[{"]/.test(text)) return readJson(text.slice(1));
  const packet = SOCKET_PACKET.exec(text);
  if (packet === null) return { kind: 'unreadable', why: 'neither JSON nor a Socket.IO packet' };
  const [, type, attachments, namespace = '/', ack, body] = packet;
  if (type === '0') return { kind: 'connect', namespace };
  if (type === '3' || type === '4') return { kind: 'idle' };
  if (type === '5' || type === '6' || attachments !== undefined) {
    return { kind: 'unreadable', why: 'a binary event: send its data as JSON' };
  }
  return type === '2' ? readEvent(body ?? '', namespace, ack) : { kind: 'unreadable', why: `packet type ${type}` };
}

/**
 * The text of a WebSocket message. What is no UTF-8 is read as Windows-1252: old sites in Latin-1 build JSON by
 * hand, and a wrong accent is better than a lost message.
 */
export function readText(data: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return new TextDecoder('windows-1252').decode(data);
  }
}

function readEvent(body: string, namespace: string, ack: string | undefined): Frame {
  const list = unwrapJson(body);
  if (!Array.isArray(list)) return { kind: 'unreadable', why: 'an event whose JSON is broken or no list' };
  const [name, ...args]: unknown[] = list;
  if (typeof name !== 'string') return { kind: 'unreadable', why: 'an event whose first element is no name' };
  return { kind: 'event', name, args, namespace, ack };
}

function readJson(text: string): Frame {
  const value = unwrapJson(text);
  if (typeof value === 'string') return { kind: 'unreadable', why: 'broken JSON, or a JSON text that holds none' };
  return { kind: 'json', value };
}
