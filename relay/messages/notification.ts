import { type ErrorDetail, RelayError } from '../errors.js';
import { userIdOf } from '../user-id.js';
import { isoTime, isPayload, type Payload } from './legacy-fields.js';

/** What PHP hands over, or a page's message that the relay forwards itself, after every check. */
export interface Notification {
  /** Empty for a signal. */
  readonly id: string;
  readonly event: string;
  readonly durable: boolean;
  /** `undefined`: the members of the conversation. */
  readonly recipients: readonly string[] | undefined;
  readonly sender: string | undefined;
  readonly conversation: string | undefined;
  readonly message: Payload;
  /** The page's own id of the message, where it gave one. */
  readonly clientId: string | undefined;
  /** The relay forwards a page's own emit: PHP's notify of it may come before or after. */
  readonly forwarded: boolean;
  /** Of PHP's call, where it was one: the backend is asked under the same. */
  readonly requestId?: string | undefined;
}

export const MAX_RECIPIENTS = 10_000;
const RECIPIENTS = `must be a list of 1 to ${MAX_RECIPIENTS} user ids`;

/** Event names that Socket.IO and its client keep for themselves. */
const RESERVED = new Set([
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
  'error',
  'ping',
  'pong',
  'reconnect',
  'reconnect_attempt',
  'reconnect_error',
  'reconnect_failed',
]);

export function isReserved(event: string): boolean {
  return RESERVED.has(event);
}

/**
 * Reads a notify body. Defaults: `id` from `message.id`, `sender` from `message.sender_id`, `conversation_id` and
 * `client_id` from those of the message, `event` receive_message. The message is PHP's own: what can't be a default in
 * it counts as absent, and is an error only where nothing else says what is needed.
 * @throws RelayError `invalid_body` with every bad field in `details`
 */
export function readNotification(body: unknown, requestId?: string): Notification {
  if (!isPayload(body)) throw invalid([{ path: '', message: 'must be an object' }]);
  const details: ErrorDetail[] = [];
  const bad = (path: string, message: string) => {
    details.push({ path, message });
  };
  const message = isPayload(body.message) ? body.message : {};
  if (!isPayload(body.message)) bad('/message', 'must be an object');
  const event = readEvent(body.event, bad);
  const durable = body.durable ?? true;
  if (typeof durable !== 'boolean') bad('/durable', 'must be true or false');
  const id = readId('/id', body.id, message.id, bad);
  if (durable !== false && isAbsent(body.id) && id === undefined) {
    if (isAbsent(message.id)) bad('/id', 'is missing: give id or message.id, so that a repeated notify is shown once');
    else bad('/message/id', problemOf(message.id));
  }
  const recipients = readRecipients(body.recipients, bad);
  const conversation = readId('/conversation_id', body.conversation_id, message.conversation_id, bad);
  if (isAbsent(body.recipients) && isAbsent(body.conversation_id) && conversation === undefined) {
    if (isAbsent(message.conversation_id)) bad('/recipients', `${RECIPIENTS}, or name a conversation_id`);
    else bad('/message/conversation_id', problemOf(message.conversation_id));
  }
  const sender = readId('/sender', body.sender, message.sender_id, bad);
  const clientId = readId('/client_id', body.client_id, message.client_id, bad);
  if (details.length > 0) throw invalid(details);
  return {
    id: durable === false ? '' : (id ?? ''),
    event,
    durable: durable !== false,
    recipients,
    sender,
    conversation,
    message: mendTime(message),
    clientId,
    forwarded: false,
    requestId,
  };
}

/** The message with `sent_at` as the old page needs it: ISO 8601 with `T` and `Z`. Anything else stays as it came. */
export function mendTime(message: Payload): Payload {
  const iso = isoTime(message.sent_at);
  return iso === undefined ? message : { ...message, sent_at: iso };
}

/** The message with the fields without which the old page throws. */
export function completeMessage(message: Payload, id: string): Payload {
  const needed = { id, sent_at: new Date().toISOString(), sender_name: '', sender_photo: '' };
  const lacking = Object.entries(needed).filter(([field]) => (message[field] ?? undefined) === undefined);
  return mendTime({ ...message, ...Object.fromEntries(lacking) });
}

type Bad = (path: string, message: string) => void;

function readEvent(value: unknown, bad: Bad): string {
  if (value === undefined) return 'receive_message';
  if (typeof value !== 'string' || !/^[^\p{C}]{1,128}$/u.test(value)) {
    bad('/event', 'must be a string of 1 to 128 printable characters');
  } else if (isReserved(value)) {
    bad('/event', "must not be one of Socket.IO's own events");
  } else return value;
  return 'receive_message';
}

/** A field of the body, or else its default in the message. */
function readId(path: string, value: unknown, inMessage: unknown, bad: Bad): string | undefined {
  if (isAbsent(value)) return userIdOf(inMessage);
  const id = userIdOf(value);
  if (id === undefined) bad(path, problemOf(value));
  return id;
}

/** PHP's `null` is what it has not set. */
function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** Why a value is no id. */
function problemOf(value: unknown): string {
  if (Number.isInteger(value)) return 'must be a string: as a number of JSON it is too large to keep its digits';
  return 'must be an integer or a string of 1 to 128 printable characters';
}

function readRecipients(value: unknown, bad: Bad): readonly string[] | undefined {
  if (isAbsent(value)) return undefined;
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_RECIPIENTS) {
    bad('/recipients', RECIPIENTS);
    return undefined;
  }
  const ids = value.map((item: unknown, index) => readId(`/recipients/${index}`, item ?? Number.NaN, undefined, bad));
  return [...new Set(ids.filter((id) => id !== undefined))];
}

function invalid(details: readonly ErrorDetail[]): RelayError {
  const first = details[0];
  const summary = first === undefined ? 'the body' : `${first.path || 'the body'} ${first.message}`;
  return new RelayError('invalid_body', summary, { details });
}
