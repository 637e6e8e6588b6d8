import { createHash } from 'node:crypto';
import type { Payload } from '../messages/legacy-fields.js';
import {
  clientIdOf,
  conversationOf,
  messageIdOf,
  payloadOf,
  recipientsOf,
  senderOf,
  textOf,
} from '../messages/legacy-fields.js';
import { userIdOf } from '../user-id.js';
import type { Said } from './envelope.js';
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
  /** The database's id. Undefined: idempotency is by `contentKey`, and `message.id`, if any, is not to be trusted. */
  readonly id: string | undefined;
  readonly clientId: string | undefined;
  readonly text: string | undefined;
  /** 32 hex digits, equal for equal event, recipients, conversation and message, whatever the order of their keys. */
  readonly contentKey: string;
  readonly message: Payload;
}

export type Unmapped = 'no_event' | 'no_recipient' | 'no_data' | 'reserved_event' | 'bad_event_name';
export type Mapped =
  | { readonly kind: 'notify'; readonly notify: LegacyNotify; readonly known: boolean }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'unmapped'; readonly reason: Unmapped };

const MESSAGES = new Set(['send_message', 'receive_message', 'new_message', 'message']);
/** May be lost: worth nothing a second later, or told again by the next page load. */
const SIGNALS = new Set(['user_typing', 'stop_typing', 'message_read', 'messages_read', 'user_online', 'user_offline']);
/** What old notifiers say before the message because the page does; PHP is nobody to register. */
const GREETINGS = new Set(['register_user', 'register', 'ping', 'pong', 'auth', 'authenticate']);
/** Socket.IO's own: its client never hands them to the page, or breaks on them. */
const RESERVED = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
  'connection',
  'error',
]);

/** @param names the built-in field names, and the owner's before them */
export function toNotify(said: Said, names: FieldNames): Mapped {
  const event = eventOf(said.name, names);
  if (event === IGNORE) return { kind: 'ignored' };
  if (event !== undefined && RESERVED.has(event)) return { kind: 'unmapped', reason: 'reserved_event' };
  if (event !== undefined && userIdOf(event) === undefined) return { kind: 'unmapped', reason: 'bad_event_name' };
  const payload = payloadOf(said.data) ?? payloadOfText(said);
  const find = payload === undefined ? undefined : finder(payload, said.around, names, SIGNALS.has(event ?? ''));
  const addressed = find !== undefined && (find.recipients.length > 0 || find.conversation !== undefined);
  if (!addressed && event !== undefined && GREETINGS.has(event)) return { kind: 'ignored' };
  if (payload === undefined || find === undefined) return { kind: 'unmapped', reason: 'no_data' };
  if (event === undefined && find.text === undefined) return { kind: 'unmapped', reason: 'no_event' };
  if (!addressed) return { kind: 'unmapped', reason: 'no_recipient' };

  const delivered = event ?? 'receive_message';
  const isMessage = delivered === 'receive_message';
  const message = isMessage ? completed(payload, find, names) : payload;
  return {
    kind: 'notify',
    known: isMessage || SIGNALS.has(delivered) || (said.name !== undefined && names.events.has(said.name)),
    notify: {
      ...find,
      event: delivered,
      durable: isMessage || (!SIGNALS.has(delivered) && (find.id !== undefined || find.text !== undefined)),
      contentKey: contentKey([delivered, [...find.recipients].sort(), find.conversation ?? null, message]),
      message,
    },
  };
}

/** Undefined for flat JSON without a name. An owner's mapping to the very same name keeps it as it is. */
function eventOf(name: string | undefined, names: FieldNames): string | undefined {
  if (name === undefined) return undefined;
  const mapped = names.events.get(name);
  if (mapped === name) return name;
  // sendMessage, send-message and "send message" are met as often as send_message.
  const plain = (mapped ?? name.replace(/([a-z])([A-Z])/g, '$1_$2').replace(/[-\s]/g, '_')).toLowerCase();
  if (MESSAGES.has(plain)) return 'receive_message';
  return plain === 'typing' ? 'user_typing' : (mapped ?? name);
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

function contentKey(content: unknown): string {
  const canonical = JSON.stringify(content, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(canonical).digest('hex').slice(0, 32);
}
