import { randomUUID } from 'node:crypto';
import type { Accept as AcceptNotification } from '../messages/accept.js';
import { completeMessage, mendTime } from '../messages/notification.js';
import { createExpiringMap } from '../store/expiring-map.js';
import type { Accept } from './ingress.js';

/** How long the same content without an id is the same message, milliseconds (CONTRACT section 10). */
const SAME_FOR = 10_000;
const LIMIT = 10_000;

/**
 * Hands over what an old notifier said as if PHP had called `POST /notify`. `onNotify` counts what was taken over, once:
 * the ingress calls again while the store is away.
 */
export function acceptLegacy(accept: AcceptNotification, onNotify: () => void): Accept {
  const ids = createExpiringMap<string>(SAME_FOR, LIMIT);

  function idByContent(key: string): string {
    const id = ids.get(key) ?? randomUUID();
    if (ids.get(key) === undefined) ids.set(key, id);
    return id;
  }

  return async ({ event, durable, recipients, conversation, sender, id, clientId, contentKey, message }) => {
    const name = durable ? (id ?? idByContent(contentKey)) : '';
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
