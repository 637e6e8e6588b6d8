import { type FieldNames, IGNORE } from '../legacy/field-names.js';
import { conversationOf, type Payload, payloadOf, recipientsOf, textOf } from '../messages/legacy-fields.js';

export interface PageEvent {
  readonly event: string;
  readonly payload: unknown;
}

/** What a page's event means; `undefined`: the owner wants it ignored. */
export type PageNames = (event: string, payload: unknown) => PageEvent | undefined;

/** What notifies call a message or a signal, as a page would emit it: one mapping serves the page and PHP. */
const EMITTED: Readonly<Record<string, string>> = {
  receive_message: 'send_message',
  new_message: 'send_message',
  message: 'send_message',
  user_typing: 'typing',
};
const READ_HERE = new Set(['send_message', 'typing', 'message_read']);

/**
 * Reads a page that has names of its own by RELAY_LEGACY_FIELDS: the event gets our name, and the payload, as it came,
 * gets our fields besides.
 */
export function createPageNames(names: FieldNames): PageNames {
  return (said, value) => {
    const mapped = names.events.get(said) ?? said;
    if (mapped === IGNORE) return undefined;
    const event = said === mapped || !Object.hasOwn(EMITTED, mapped) ? mapped : (EMITTED[mapped] ?? mapped);
    const payload = READ_HERE.has(event) ? payloadOf(value) : undefined;
    return { event, payload: payload === undefined ? value : translated(payload, names) };
  };
}

function translated(payload: Payload, { fields }: FieldNames): Payload {
  const recipients = recipientsOf(payload).length > 0 ? [] : recipientsOf(payload, fields.recipient);
  const conversation = conversationOf(payload) === undefined ? conversationOf(payload, fields.conversation) : undefined;
  const content = textOf(payload) === undefined ? textOf(payload, fields.text) : undefined;
  return {
    ...payload,
    ...(recipients.length === 0 ? {} : { recipients }),
    ...(conversation === undefined ? {} : { conversation_id: conversation }),
    ...(content === undefined ? {} : { content }),
  };
}
