import { postRequest } from './http.js';
import { callToken } from './secret.js';

/** What a chat says: the size and the fields of the old site's message. */
export interface Message {
  readonly id: number;
  readonly conversation_id: number;
  readonly sender_id: number;
  readonly sender_name: string;
  readonly sender_photo: string;
  readonly content: string;
  readonly sent_at: string;
}

// Users that no page belongs to, so that a sender is never among the recipients.
const FIRST_SENDER = 1_000_000;
const SENDERS = 50;
const SENT_AT = Date.UTC(2025, 4, 28, 10);

export function messageOf(id: number, conversation: number): Message {
  return {
    id,
    conversation_id: conversation,
    sender_id: FIRST_SENDER + (conversation % SENDERS),
    sender_name: 'Ines Ortega',
    sender_photo: '/photos/ines.svg',
    content: `Message ${id}: shall we meet at half past seven in front of the station?`,
    sent_at: '2025-05-28 10:00:00',
  };
}

/** Whether a page was sent exactly what was handed over. How the time is written is the server's business. */
export function isIntact(received: Readonly<Record<string, unknown>>, sent: Message): boolean {
  return (
    received.content === sent.content &&
    received.conversation_id === sent.conversation_id &&
    received.sender_id === sent.sender_id &&
    received.sender_name === sent.sender_name &&
    received.sender_photo === sent.sender_photo &&
    Date.parse(String(received.sent_at)) === SENT_AT
  );
}

/** The request as PHP would write it, ready for the wire. */
export function notifyRequest(recipients: readonly number[], message: Message): Buffer {
  const body = JSON.stringify({ recipients, message });
  return postRequest('/notify', [`Authorization: Bearer ${callToken(body)}`, 'Content-Type: application/json'], body);
}

/** What a page is to be sent. */
export function eventPacket(message: Message): string {
  return `42${JSON.stringify(['receive_message', message])}`;
}
