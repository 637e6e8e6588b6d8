import { isReserved } from '../messages/notification.js';
import { userIdOf } from '../user-id.js';
import type { FieldNames } from './field-names.js';

const MESSAGES = new Set(['send_message', 'receive_message', 'new_message', 'message']);
/** May be lost: worth nothing a second later, or told again by the next page load. */
const SIGNALS = new Set(['user_typing', 'stop_typing', 'message_read', 'messages_read', 'user_online', 'user_offline']);
/** What old notifiers say before the message because the page does; PHP is nobody to register. */
const GREETINGS = new Set(['register_user', 'register', 'ping', 'pong', 'auth', 'authenticate']);

/**
 * What an old notifier's event is called towards the page: `receive_message` for every message, `user_typing` for
 * `typing`, else its own name. Undefined for JSON without a name. The owner's mapping goes first; one to the very same
 * name keeps that name as it is.
 */
export function eventOf(name: string | undefined, names: FieldNames): string | undefined {
  if (name === undefined) return undefined;
  const mapped = names.events.get(name);
  if (mapped === name) return name;
  // sendMessage, send-message and "send message" are met as often as send_message.
  const plain = (mapped ?? name.replace(/([a-z])([A-Z])/g, '$1_$2').replace(/[-\s]/g, '_')).toLowerCase();
  if (MESSAGES.has(plain)) return 'receive_message';
  return plain === 'typing' ? 'user_typing' : (mapped ?? name);
}

export function isSignal(event: string | undefined): boolean {
  return event !== undefined && SIGNALS.has(event);
}

/** Not worth a word in the log when nobody is addressed. */
export function isGreeting(event: string | undefined): boolean {
  return event !== undefined && GREETINGS.has(event);
}

/** Why an event cannot be delivered under this name. */
export function nameProblem(event: string | undefined): 'reserved_event' | 'bad_event_name' | undefined {
  if (event === undefined) return undefined;
  if (isReserved(event) || event === 'connection') return 'reserved_event';
  return userIdOf(event) === undefined ? 'bad_event_name' : undefined;
}
