import { userIdOf } from '../user-id.js';

/**
 * The field names under which old pages and old PHP say who sends what to whom. One list for both, so that a page's
 * `send_message` and the notify that PHP sends for it are read alike (the pairing of the two depends on it).
 */

export type Payload = Readonly<Record<string, unknown>>;

export const RECIPIENT_FIELDS = [
  'recipients',
  'recipient_ids',
  'recipientIds',
  'recipient_id',
  'recipientId',
  'receiver_id',
  'receiverId',
  'recipient',
  'receiver',
  'to',
  'to_user_id',
  'toID',
] as const;
export const SENDER_FIELDS = ['sender_id', 'senderId', 'sender', 'from', 'from_user_id', 'fromID'] as const;
export const CONVERSATION_FIELDS = ['conversation_id', 'conversationId'] as const;
export const TEXT_FIELDS = ['content', 'message', 'text', 'body'] as const;
export const TIME_FIELDS = ['sent_at', 'timestamp', 'time', 'createdAt', 'created_at'] as const;
export const MESSAGE_ID_FIELDS = ['id', 'message_id', 'messageId', '_id'] as const;
const CLIENT_ID_FIELDS = ['client_id', 'clientId'] as const;
/** Under which a row about a person (`{"user_id": 17, "username": …}`) holds the id. */
const ROW_FIELDS = ['user_id', 'userId', 'id', '_id', 'uid'] as const;

/** How deep a JSON text may be wrapped in a JSON text: `json_encode(json_encode($x))` is met, a third is an accident. */
const MAX_WRAPPING = 3;

/** A payload is an object, or a JSON text of one (some pages emit `JSON.stringify(message)`); undefined otherwise. */
export function payloadOf(value: unknown): Payload | undefined {
  const inner = unwrapJson(value);
  return isPayload(inner) ? inner : undefined;
}

/** What a JSON text holds, however often wrapped; every other value, and a text that is no JSON object or array, as it is. */
export function unwrapJson(value: unknown): unknown {
  let inner = value;
  for (let depth = 0; depth < MAX_WRAPPING && typeof inner === 'string' && /^\s*["[{]/.test(inner); depth += 1) {
    try {
      inner = JSON.parse(inner);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return inner;
    }
  }
  return inner;
}

/**
 * The ids of the first recipient field that holds any: one id, a list, a row about a person, a list of rows; without
 * repeats and in their order. Empty when no field does: then the conversation decides.
 */
export function recipientsOf(payload: Payload, fields: readonly string[] = RECIPIENT_FIELDS): string[] {
  for (const field of fields) {
    const ids = idsIn(fieldOf(payload, field));
    if (ids.length > 0) return ids;
  }
  return [];
}

export function senderOf(payload: Payload, fields: readonly string[] = SENDER_FIELDS): string | undefined {
  return firstOf(payload, fields, personOf);
}

export function conversationOf(payload: Payload, fields: readonly string[] = CONVERSATION_FIELDS): string | undefined {
  return firstOf(payload, fields, userIdOf);
}

/** The text as it came, HTML included. Empty texts count as none. */
export function textOf(payload: Payload, fields: readonly string[] = TEXT_FIELDS): string | undefined {
  return firstOf(payload, fields, (value) => (typeof value === 'string' && value !== '' ? value : undefined));
}

/** The id that the database gave the message. */
export function messageIdOf(payload: Payload, fields: readonly string[] = MESSAGE_ID_FIELDS): string | undefined {
  return firstOf(payload, fields, userIdOf);
}

/** The id that the page gave the message before anything was stored; PHP that passes it on pairs the two for certain. */
export function clientIdOf(payload: Payload): string | undefined {
  return firstOf(payload, CLIENT_ID_FIELDS, userIdOf);
}

/** The time as ISO 8601 in UTC, from whichever time field `isoTime` can read. */
export function timeOf(payload: Payload, fields: readonly string[] = TIME_FIELDS): string | undefined {
  return firstOf(payload, fields, isoTime);
}

/**
 * `YYYY-MM-DD HH:MM:SS` (MySQL's, taken as UTC; a fraction is kept to milliseconds) or a Unix number (below 1e11
 * seconds, else milliseconds) as ISO 8601 with `T` and `Z`. Any other value, and impossible dates, are undefined:
 * the caller keeps what it had.
 */
export function isoTime(value: unknown): string | undefined {
  if (typeof value === 'number') return isoOf(value < 1e11 ? value * 1000 : value);
  if (typeof value !== 'string') return undefined;
  const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)$/.exec(value);
  return parts ? isoOf(Date.parse(`${parts[1]}T${parts[2]}Z`)) : undefined;
}

/** The payload with every sender field that it has, and always `sender_id`, saying who really sent it. */
export function withSender(payload: Payload, sender: string): Payload {
  const claimed = SENDER_FIELDS.filter((field) => Object.hasOwn(payload, field));
  return { ...payload, sender_id: sender, ...Object.fromEntries(claimed.map((field) => [field, sender])) };
}

export function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One field's value; `a.b` reads `b` of `a` where no field is called `a.b`. Inherited properties do not count. */
export function fieldOf(payload: Payload, field: string): unknown {
  if (Object.hasOwn(payload, field)) return payload[field];
  const dot = field.indexOf('.');
  if (dot < 1) return undefined;
  const outer = payloadOf(fieldOf(payload, field.slice(0, dot)));
  return outer && fieldOf(outer, field.slice(dot + 1));
}

function firstOf<T>(
  payload: Payload,
  fields: readonly string[],
  read: (value: unknown) => T | undefined,
): T | undefined {
  for (const field of fields) {
    const found = read(fieldOf(payload, field));
    if (found !== undefined) return found;
  }
  return undefined;
}

function idsIn(value: unknown): string[] {
  const list = unwrapJson(value);
  const ids = (Array.isArray(list) ? list : [list]).map(personOf);
  return [...new Set(ids.filter((id) => id !== undefined))];
}

function personOf(value: unknown): string | undefined {
  return isPayload(value) ? firstOf(value, ROW_FIELDS, userIdOf) : userIdOf(value);
}

function isoOf(milliseconds: number): string | undefined {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
