import { createHash, randomUUID } from 'node:crypto';
import type { Pairs, Said } from '../store/store.js';
import { clientIdOf, conversationOf, type Payload, textOf } from './legacy-fields.js';
import type { Notification } from './notification.js';

/**
 * With `RELAY_CLIENT_SEND=instant` a message comes twice: emitted by the page and notified by PHP. The k-th emit and
 * the k-th notify of one (sender, conversation, text) are one message; a `client_id` in both decides instead.
 */
export interface Pairing {
  /** For a page's emit: the id it goes by, and whether it is to be shown now. */
  emitted(sender: string, payload: Payload): Promise<{ id: string; first: boolean }>;
  /** For a notify: the id of the emit that it completes. */
  completes(notification: Notification): Promise<string | undefined>;
  /** The same while the store is away, of the emits that came to this replica. */
  completesHere(notification: Notification): Promise<string | undefined>;
}

/** Every notify stands alone: no page's message is forwarded by the relay itself. */
export const NO_PAIRING: Pairing = {
  emitted: async () => ({ id: randomUUID(), first: true }),
  completes: async () => undefined,
  completesHere: async () => undefined,
};

/** @param here what came to this replica, for when the store is away; `undefined` for a store that never is */
export function createPairing(pairs: Pairs, here: Pairs | undefined): Pairing {
  return {
    async emitted(sender, payload) {
      const emit = said(randomUUID(), payload, conversationOf(payload), clientIdOf(payload));
      const met = await pairs.emit(sender, emit);
      await here?.emit(sender, { ...emit, id: met.id });
      return met;
    },
    async completes(notification) {
      const emit = await notified(pairs, notification);
      await notified(here, notification);
      return emit;
    },
    completesHere: (notification) => notified(here, notification),
  };
}

async function notified(pairs: Pairs | undefined, notification: Notification): Promise<string | undefined> {
  const { event, id, sender, message, conversation, clientId, forwarded } = notification;
  if (event !== 'receive_message' || sender === undefined || forwarded) return undefined;
  return pairs?.notify(sender, said(id, message, conversation, clientId));
}

function said(id: string, payload: Payload, conversation: string | undefined, client: string | undefined): Said {
  const text = createHash('sha256')
    .update(textOf(payload) ?? '')
    .digest('base64url');
  return { id, text, conversation: conversation ?? '', client: client ?? '' };
}
