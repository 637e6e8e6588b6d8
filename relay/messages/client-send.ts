import type { Backend } from '../backend.js';
import { RelayError } from '../errors.js';
import { userIdOf } from '../user-id.js';
import type { Accept } from './accept.js';
import { audienceOf } from './audience.js';
import type { Conversations } from './conversations.js';
import type { DeliverLater } from './deliver-later.js';
import { clientIdOf, conversationOf, type Payload, withSender } from './legacy-fields.js';
import { completeMessage, mendTime, type Notification } from './notification.js';
import type { Pairing } from './pairing.js';

/** What a page's `send_message` does (CONTRACT section 5). Answers the fields of its ack besides `ok`. */
export type ClientSend = (user: string, payload: Payload) => Promise<Payload>;

/** PHP persists it, by the page's own request, and its notify delivers it. */
export const hold: ClientSend = async () => ({ held: true });

/** Handed to PHP, which persists it; then delivered. @throws RelayError `backend_refused` with PHP's words */
export function createPersist(backend: Backend, deliver: DeliverLater): ClientSend {
  return async (user, payload) => {
    const persisted = await backend.sendMessage(user, withSender(payload, user));
    if ('error' in persisted) throw new RelayError('backend_refused', persisted.error);
    const id = userIdOf(persisted.message.id);
    if (id === undefined) throw new RelayError('backend_refused', 'the message that the backend answered has no id');
    const { message, recipients } = persisted;
    await deliver(user, { ...notificationOf(user, message), id, recipients, message: mendTime(message) });
    return { id };
  };
}

export interface InstantOptions {
  readonly accept: Accept;
  readonly conversations: Conversations;
  readonly pairing: Pairing;
}

/** Forwarded at once to those whom the sender shares a conversation with; PHP's notify of it is not shown again. */
export function createInstant({ accept, conversations, pairing }: InstantOptions): ClientSend {
  return async (user, payload) => {
    const recipients = await audienceOf(conversations, user, payload);
    const stamped = withSender(payload, user);
    const { id, first } = await pairing.emitted(user, stamped);
    if (first) {
      const message = completeMessage(stamped, id);
      await accept({ ...notificationOf(user, message), id, recipients, message, forwarded: true });
    }
    return { id };
  };
}

function notificationOf(user: string, message: Payload): Omit<Notification, 'id' | 'recipients' | 'message'> {
  return {
    event: 'receive_message',
    durable: true,
    sender: user,
    conversation: conversationOf(message),
    clientId: clientIdOf(message),
    forwarded: false,
  };
}
