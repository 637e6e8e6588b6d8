import { createHash } from 'node:crypto';
import type { Payload } from '../messages/legacy-fields.js';
import {
  clientIdOf,
  conversationOf,
  isPayload,
  messageIdOf,
  payloadOf,
  recipientsOf,
  senderOf,
  textOf,
} from '../messages/legacy-fields.js';
import type { Said } from './envelope.js';
import { eventOf, isGreeting, isSignal, nameProblem } from './event-names.js';
import type { FieldNames } from './field-names.js';
import { IGNORE } from './field-names.js';

/** What an old notifier said, as a notify. */
export interface LegacyNotify {
  /** The name to deliver under; `receive_message` for every message. */
  readonly event: string;
  readonly durable: boolean;
  /** Never repeats; may hold the sender. Empty: the members of `conversation`, which is then set. */
  readonly recipients: readonly string[];
  readonly conversation: string | undefined;
  readonly sender: string | undefined;
  /** The database's id. Undefined: nothing tells a repeat, and `message.id`, if any, is not to be trusted. */
  readonly id: string | undefined;
  readonly clientId: string | undefined;
  readonly text: string | undefined;
  /** 32 hex digits, equal for equal event, recipients, conversation and message, whatever the order of their keys. */
  readonly contentKey: string;
  readonly message: Payload;
}

export type Unmapped = 'no_event' | 'no_recipient' | 'no_data' | 'reserved_event' | 'bad_event_name' | 'too_deep';
export type Mapped =
  | { readonly kind: 'notify'; readonly notify: LegacyNotify; readonly known: boolean }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'unmapped'; readonly reason: Unmapped };

/** @param names the built-in field names, and the owner's before them */
export function toNotify(said: Said, names: FieldNames): Mapped {
  const event = eventOf(said.name, names);
  if (event === IGNORE) return { kind: 'ignored' };
  const payload = payloadOf(said.data) ?? payloadOfText(said);
  const find = payload === undefined ? undefined : finder(payload, said.around, names, isSignal(event));
  const addressed = find !== undefined && (find.recipients.length > 0 || find.conversation !== undefined);
  if (!addressed && isGreeting(event)) return { kind: 'ignored' };
  const problem = nameProblem(event);
  if (problem !== undefined) return { kind: 'unmapped', reason: problem };
  if (payload === undefined || find === undefined) return { kind: 'unmapped', reason: 'no_data' };
  if (event === undefined && find.text === undefined) return { kind: 'unmapped', reason: 'no_event' };
  if (!addressed) return { kind: 'unmapped', reason: 'no_recipient' };

  const delivered = event ?? 'receive_message';
  const isMessage = delivered === 'receive_message';
  const message = isMessage ? completed(payload, find, names) : payload;
  const key = contentKey([delivered, [...find.recipients].sort(), find.conversation ?? null, message]);
  if (key === undefined) return { kind: 'unmapped', reason: 'too_deep' };
  return {
    kind: 'notify',
    known: isMessage || isSignal(delivered) || (said.name !== undefined && names.events.has(said.name)),
    notify: {
      ...find,
      event: delivered,
      durable: isMessage || (!isSignal(delivered) && (find.id !== undefined || find.text !== undefined)),
      contentKey: key,
      message,
    },
  };
}

type Found = Pick<LegacyNotify, 'recipients' | 'conversation' | 'sender' | 'id' | 'clientId' | 'text'>;

/** Every field first in the data, then around it. Signals tell of a person under `user_id`: their sender. */
function finder(payload: Payload, around: Payload, { fields }: FieldNames, signal: boolean): Found {
  const inBoth = <T>(read: (from: Payload) => T | undefined): T | undefined => read(payload) ?? read(around);
  const recipients = recipientsOf(payload, fields.recipient);
  const sender = signal ? [...fields.sender, 'user_id', 'userId'] : fields.sender;
  return {
    recipients: recipients.length > 0 ? recipients : recipientsOf(around, fields.recipient),
    conversation: inBoth((from) => conversationOf(from, fields.conversation)),
    sender: inBoth((from) => senderOf(from, sender)),
    id: inBoth((from) => messageIdOf(from, fields.id)),
    clientId: inBoth(clientIdOf),
    text: inBoth((from) => textOf(from, fields.text)),
  };
}

function payloadOfText({ data, around }: Said): Payload | undefined {
  return typeof data === 'string' && data !== '' && Object.keys(around).length > 0
    ? { ...around, content: data }
    : undefined;
}

/** As it came; who sent it where is added when only the envelope said so: the old page sorts messages by them. */
function completed(payload: Payload, find: Found, { fields }: FieldNames): Payload {
  const lacksSender = find.sender !== undefined && senderOf(payload, fields.sender) === undefined;
  const lacksPlace = find.conversation !== undefined && conversationOf(payload, fields.conversation) === undefined;
  if (!lacksSender && !lacksPlace) return payload;
  return {
    ...(lacksSender ? { sender_id: find.sender } : {}),
    ...(lacksPlace ? { conversation_id: find.conversation } : {}),
    ...payload,
  };
}

/** Undefined for nesting that JSON.parse takes and JSON.stringify does not. */
function contentKey(content: unknown): string | undefined {
  const sorted = (_key: string, value: unknown): unknown =>
    isPayload(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
  try {
    return createHash('sha256').update(JSON.stringify(content, sorted)).digest('hex').slice(0, 32);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
