import type { Payload } from '../messages/legacy-fields.js';
import { fieldOf, isPayload, payloadOf, textOf, unwrapJson } from '../messages/legacy-fields.js';
import type { FieldNames } from './field-names.js';

/** What one arrival says: an event's name where it has one, its data, and the fields that stood around the data. */
export interface Said {
  readonly name: string | undefined;
  /** The data as it came, but unwrapped from JSON strings. */
  readonly data: unknown;
  /** Fields beside the data: recipients often stand there. Empty for `42["name", data]` and for flat JSON. */
  readonly around: Payload;
}

/** `type` in flat JSON says just as often what kind of message it is; these are no events' names. */
const KINDS = new Set([
  'text',
  'image',
  'file',
  'audio',
  'video',
  'html',
  'private',
  'public',
  'direct',
  'group',
  'chat',
]);
/** A list of more is an accident, or an attack on the CPU. */
const MAX_LIST = 1_000;

/** A Socket.IO event: the first argument is the data. `message` may carry an envelope with the event that is meant. */
export function saidByEvent(name: string, args: readonly unknown[], names: FieldNames): Said {
  const data = unwrapJson(args[0]);
  const inner = name === 'message' && isPayload(data) ? saidByValue(data, names) : undefined;
  return inner?.name !== undefined && inner.data !== data ? inner : { name, data, around: {} };
}

/**
 * JSON without Socket.IO: `{event, data}`, `{action, …}`, `{type, data}`, flat, `["name", data]`, or a list of
 * these. Fields of an envelope that are neither name nor data are kept as `around`.
 */
export function saidByJson(value: unknown, names: FieldNames): Said[] {
  if (!Array.isArray(value)) return [saidByValue(value, names)];
  const [first, second]: unknown[] = value;
  if (typeof first === 'string' && !isPayload(unwrapJson(first))) return [saidByEvent(first, [second], names)];
  if (value.length === 0 || value.length > MAX_LIST) return [{ name: undefined, data: value, around: {} }];
  return value.map((item: unknown) => saidByValue(item, names));
}

function saidByValue(value: unknown, names: FieldNames): Said {
  const payload = payloadOf(value);
  if (payload === undefined) return { name: undefined, data: value, around: {} };
  const nameField = names.fields.event.find((field) => typeof fieldOf(payload, field) === 'string');
  const dataField = names.fields.data.find((field) => dataOf(payload, field, names) !== undefined);
  const name = nameField === undefined ? undefined : String(fieldOf(payload, nameField));
  if (dataField !== undefined) {
    const around = without(payload, nameField, dataField);
    return { name, data: dataOf(payload, dataField, names), around };
  }
  if (
    nameField === 'type' &&
    name !== undefined &&
    KINDS.has(name.toLowerCase()) &&
    textOf(payload, names.fields.text)
  ) {
    return { name: undefined, data: payload, around: {} };
  }
  return { name, data: scalarData(payload, nameField, names), around: {} };
}

/** `{event: "new_message", data: "hi", to: 17}`: the text moves to `content`, where the old page looks for it. */
function scalarData(payload: Payload, nameField: string | undefined, names: FieldNames): Payload {
  const rest = without(payload, nameField);
  const { data, ...others } = rest;
  const bare = typeof data === 'string' && data !== '' && textOf(rest, names.fields.text) === undefined;
  return bare ? { ...others, content: data } : rest;
}

/** An object, a list of one, or a JSON text of either; but a field that may hold the text is not taken apart: people chat in JSON. */
function dataOf(payload: Payload, field: string, names: FieldNames): Payload | undefined {
  const value = fieldOf(payload, field);
  const inner = names.fields.text.includes(field) ? value : unwrapJson(value);
  const only: unknown = Array.isArray(inner) && inner.length === 1 ? inner[0] : inner;
  return isPayload(only) ? only : undefined;
}

function without(payload: Payload, ...fields: (string | undefined)[]): Payload {
  return Object.fromEntries(Object.entries(payload).filter(([key]) => !fields.includes(key)));
}
