import type { Inbox, Message } from '../store/store.js';
import { audienceOf } from './audience.js';
import type { Conversations } from './conversations.js';
import type { Hub } from './hub.js';
import { type Payload, recipientsOf, SENDER_FIELDS } from './legacy-fields.js';

/** What members of a conversation tell each other and what may be lost: typing, message_read. */
export interface Signals {
  typing(user: string, payload: Payload): Promise<void>;
  messageRead(user: string, payload: Payload): Promise<void>;
  /** Sends an event to users, wherever they are. */
  send(users: readonly string[], event: string, data: unknown): Promise<void>;
}

export interface SignalsOptions {
  readonly hub: Hub;
  readonly inbox: Inbox;
  readonly conversations: Conversations;
}

export function createSignals({ hub, inbox, conversations }: SignalsOptions): Signals {
  async function send(users: readonly string[], event: string, data: unknown): Promise<void> {
    const message: Message = { event, id: '', body: JSON.stringify(data ?? null), at: Date.now() };
    for (const user of users) hub.signal(user, message);
    await inbox.signal(users, message);
  }

  return {
    async typing(user, payload) {
      const recipients = await audienceOf(conversations, user, payload);
      const stamped = stamp(user, payload);
      await send(recipients, 'user_typing', stamped);
      // one build of the old page names its recipient, and listens to the event under its own name
      if (recipientsOf(payload).length > 0) await send(recipients, 'typing', stamped);
    },
    async messageRead(user, payload) {
      await send(await audienceOf(conversations, user, payload), 'message_read', stamp(user, payload));
    },
    send,
  };
}

/** Whatever the payload says of who it is from is overwritten with who it is from. */
function stamp(user: string, payload: Payload): Payload {
  const claimed = SENDER_FIELDS.filter((field) => Object.hasOwn(payload, field));
  return { ...payload, ...Object.fromEntries(claimed.map((field) => [field, user])), user_id: user };
}
