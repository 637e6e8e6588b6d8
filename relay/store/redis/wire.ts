import type { Message, Position } from '../store.js';

/** What travels between replicas: fields joined by NUL, which no id or event name holds; the body comes last. */
export type Frame =
  | { readonly kind: 'message'; readonly user: string; readonly position: Position; readonly message: Message }
  | { readonly kind: 'signal'; readonly user: string; readonly message: Message }
  | {
      readonly kind: 'presence';
      readonly user: string;
      readonly online: boolean;
      readonly lastSeen: number | undefined;
    }
  | { readonly kind: 'members'; readonly from: string; readonly conversation: string }
  | { readonly kind: 'probe'; readonly number: number }
  | { readonly kind: 'question'; readonly id: string; readonly from: string; readonly value: string }
  | { readonly kind: 'answer'; readonly id: string; readonly value: string };

/** A message as it lies in an inbox: `at NUL event NUL id NUL body`. */
export function pack(message: Message): string {
  return `${message.at}\0${message.event}\0${message.id}\0${message.body}`;
}

export function unpack(packed: string): Message {
  const [at, event, id, body] = split(packed, 4);
  return { at: Number(at), event, id, body };
}

/** `undefined` for a frame that this version does not know: a newer replica may speak it. */
export function parseFrame(text: string): Frame | undefined {
  const [kind, rest] = split(text, 2);
  switch (kind) {
    case 'm': {
      const [user, epoch, seq, packed] = split(rest, 4);
      return { kind: 'message', user, position: { epoch, seq: Number(seq) }, message: unpack(packed) };
    }
    case 's': {
      const [user, packed] = split(rest, 2);
      return { kind: 'signal', user, message: unpack(packed) };
    }
    case 'p': {
      const [user, online, seen] = split(rest, 3);
      return { kind: 'presence', user, online: online === '1', lastSeen: seen === '' ? undefined : Number(seen) };
    }
    case 'c': {
      const [from, conversation] = split(rest, 2);
      return { kind: 'members', from, conversation };
    }
    case 'h':
      return { kind: 'probe', number: Number(rest) };
    case 'q': {
      const [id, from, value] = split(rest, 3);
      return { kind: 'question', id, from, value };
    }
    case 'a': {
      const [id, value] = split(rest, 2);
      return { kind: 'answer', id, value };
    }
    default:
      return undefined;
  }
}

type Fields<N extends number, T extends string[] = []> = T['length'] extends N ? T : Fields<N, [...T, string]>;

/** The first `count - 1` fields and the rest. */
function split<const N extends number>(text: string, count: N): Fields<N> {
  const fields: string[] = [];
  let start = 0;
  while (fields.length < count - 1) {
    const end = text.indexOf('\0', start);
    fields.push(end < 0 ? text.slice(start) : text.slice(start, end));
    start = end < 0 ? text.length : end + 1;
  }
  fields.push(text.slice(start));
  return fields as Fields<N>;
}
