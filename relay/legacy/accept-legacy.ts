import type { Accept as AcceptNotification } from '../messages/accept.js';
import { completeMessage, mendTime } from '../messages/notification.js';
import type { Accept } from './ingress.js';

/**
 * Hands over what an old notifier said as if PHP had called `POST /notify`. `onNotify` counts what was taken over, once:
 * the ingress calls again while the store is away.
 */
export function acceptLegacy(accept: AcceptNotification, onNotify: () => void): Accept {
  return async ({ event, durable, recipients, conversation, sender, id, clientId, message }) => {
    const name = durable ? id : '';
    await accept({
      id: name,
      event,
      durable,
      recipients: recipients.length === 0 ? undefined : recipients,
      sender,
      conversation,
      clientId,
      forwarded: false,
      message: event === 'receive_message' ? completeMessage(message, name) : mendTime(message),
    });
    onNotify();
  };
}
