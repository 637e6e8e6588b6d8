import { isPayload, payloadOf } from '../messages/legacy-fields.js';
import type { Said } from './envelope.js';
import type { Unmapped } from './mapping.js';

export type FieldKind =
  | 'string'
  | 'number'
  | 'boolean'
  | 'null'
  | 'object'
  | 'list'
  | 'list of ids'
  | 'list of objects';

/** Names and types of what arrived, never a value. */
export interface Shape {
  readonly event: string | undefined;
  /** By the name that RELAY_LEGACY_FIELDS would take: `ziel`, or `daten.ziel` one level down. */
  readonly fields: Readonly<Record<string, FieldKind>>;
  /** Only where what arrived was no object: its type. */
  readonly bare: FieldKind | undefined;
}

export const HINTS: Readonly<Record<Unmapped, string>> = {
  no_event:
    'JSON without an event name needs a text (content, message, text, body) and people (recipient_id, to, conversation_id)',
  no_recipient:
    'name the people under recipients, recipient_id, receiver_id, to, or conversation_id, or say which field holds them: RELAY_LEGACY_FIELDS=recipient=FIELD',
  no_data: "an event's data must be a JSON object: which field holds it can be said by RELAY_LEGACY_FIELDS=data=FIELD",
  reserved_event: "this name is Socket.IO's own and cannot be delivered: RELAY_LEGACY_FIELDS=event:NAME=OTHER_NAME",
  too_deep: 'its data is nested too deeply',
  bad_event_name: 'an event name is 1 to 128 printable characters',
};

const MAX_FIELDS = 40;

export function shapeOf({ name, data, around }: Said): Shape {
  const payload = payloadOf(data);
  const fields = new Map<string, FieldKind>();
  for (const source of [around, payload ?? {}]) collect(source, '', fields);
  return {
    event: name === undefined ? undefined : clean(name),
    fields: Object.fromEntries([...fields].sort(([a], [b]) => (a < b ? -1 : 1))),
    bare: payload === undefined ? kindOf(data) : undefined,
  };
}

/** One line that is equal for equal shapes: `event "nachricht" {inhalt: string, ziel: number}`. */
export function describeShape({ event, fields, bare }: Shape): string {
  const inside = Object.entries(fields).map(([field, kind]) => `${field}: ${kind}`);
  const what = bare !== undefined && inside.length === 0 ? `a bare ${bare}` : `{${inside.join(', ')}}`;
  return `${event === undefined ? 'no event name' : `event "${event}"`} ${what}`;
}

function collect(source: Readonly<Record<string, unknown>>, prefix: string, into: Map<string, FieldKind>): void {
  for (const [key, value] of Object.entries(source)) {
    if (into.size >= MAX_FIELDS) return;
    into.set(prefix + clean(key), kindOf(value));
    if (prefix === '' && isPayload(value)) collect(value, `${clean(key)}.`, into);
  }
}

/** A key can be content too (a map by user, by e-mail address): only what looks like an identifier is shown. */
function clean(name: string): string {
  const plain = /^[\p{L}_$@][\p{L}\p{N}_$:./-]{0,63}( [\p{L}\p{N}_-]{1,32}){0,2}$/u.test(name);
  return plain && !/\d{5,}/.test(name) ? name : '<no identifier>';
}

function kindOf(value: unknown): FieldKind {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) {
    if (value.length === 0) return 'list';
    if (value.every(isPayload)) return 'list of objects';
    return value.every((item) => typeof item === 'number' || typeof item === 'string') ? 'list of ids' : 'list';
  }
  const type = typeof value;
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'object';
}
