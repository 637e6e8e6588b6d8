import { RelayError } from '../errors.js';
import type { Appended, Delivery, Inbox, Message } from '../store/store.js';
import type { Conversations } from './conversations.js';
import type { Early } from './early.js';
import type { Hub } from './hub.js';
import type { Notification } from './notification.js';
import { NO_PAIRING, type Pairing } from './pairing.js';

/** The answer of `POST /notify`. `delivered`: has a socket somewhere; `offline`: has none, e-mail them. */
export interface Accepted {
  readonly id: string;
  readonly duplicate: boolean;
  readonly delivered: readonly string[];
  readonly offline: readonly string[];
}

/** Takes a message: stored in every recipient's inbox before the promise resolves, shown to nobody twice. */
export type Accept = (notification: Notification) => Promise<Accepted>;

export interface AcceptOptions {
  readonly inbox: Inbox;
  readonly hub: Hub;
  readonly early: Early;
  readonly conversations: Conversations;
  readonly pairing: Pairing;
  readonly senderEcho: 'message_sent' | 'receive_message' | 'none';
  /** Bytes of one message. */
  readonly maxPayload: number;
  readonly onAccepted: (id: string, user: string, at: number) => void;
  readonly onDuplicate: () => void;
}

export function createAccept(options: AcceptOptions): Accept {
  const { inbox, hub, early, conversations, pairing, senderEcho, maxPayload } = options;

  async function deliver(notification: Notification, recipients: readonly string[]): Promise<Accepted> {
    const { id, event } = notification;
    const alias = pairing === NO_PAIRING ? undefined : await pairing.completes(notification);
    const make = deliveriesOf(notification, alias);
    const body = encode(notification, maxPayload);
    const echo = notification.event === 'receive_message' && notification.sender !== undefined ? senderEcho : 'none';
    const deliveries = recipients.map((user) => make(user, event, body));
    if (echo !== 'none') deliveries.push(make(notification.sender ?? '', echo, echoBody(echo, body)));
    const appended = await append(deliveries);
    const own = appended.slice(0, recipients.length);
    const duplicate = appended.length > 0 && appended.every((entry) => entry.duplicate);
    if (duplicate) options.onDuplicate();
    return {
      id,
      duplicate,
      delivered: own.filter(({ online }) => online).map(({ user }) => user),
      offline: own.filter(({ online }) => !online).map(({ user }) => user),
    };
  }

  async function append(deliveries: readonly Delivery[]): Promise<readonly Appended[]> {
    try {
      const appended = await inbox.append(deliveries);
      appended.forEach((entry, index) => {
        const message = deliveries[index]?.message;
        if (message !== undefined) show(entry, message);
      });
      return appended;
    } catch (error) {
      for (const { user, message } of deliveries) early.show(user, message);
      throw error;
    }
  }

  function show(entry: Appended, message: Message): void {
    if (entry.duplicate) {
      hub.reach(entry.user, entry);
      return;
    }
    hub.receive(entry.user, entry, message);
    options.onAccepted(message.id, entry.user, message.at);
  }

  async function signal(notification: Notification, recipients: readonly string[]): Promise<Accepted> {
    const message: Message = {
      event: notification.event,
      id: '',
      body: encode(notification, maxPayload),
      at: Date.now(),
    };
    for (const user of recipients) hub.signal(user, message);
    const online = await inbox.signal(recipients, message);
    return {
      id: notification.id,
      duplicate: false,
      delivered: recipients.filter((_, index) => online[index]),
      offline: recipients.filter((_, index) => !online[index]),
    };
  }

  return async (notification) => {
    const { conversation, sender, requestId } = notification;
    const named = notification.recipients ?? (await conversations.members(conversation ?? '', requestId));
    const recipients = named.filter((user) => user !== sender);
    const everyone = sender === undefined ? named : [...named, sender];
    const learned =
      conversation !== undefined && notification.recipients !== undefined && notification.durable
        ? conversations.learn(conversation, everyone)
        : undefined;
    const accepted = notification.durable ? deliver(notification, recipients) : signal(notification, recipients);
    if (learned === undefined) return accepted;
    const [result] = await Promise.all([accepted, learned]);
    return result;
  };
}

function deliveriesOf({ id, event }: Notification, alias: string | undefined) {
  const at = Date.now();
  const names = { key: `${event}:${id}`, ...(alias === undefined ? {} : { alias: `${event}:${alias}` }) };
  const messages = new Map<string, Message>();
  return (user: string, name: string, body: string): Delivery => {
    // one object for all its recipients: what it is encoded to is kept by it
    const message = messages.get(name) ?? { event: name, id, body, at };
    messages.set(name, message);
    return { user, message, ...names };
  };
}

function echoBody(echo: 'message_sent' | 'receive_message', body: string): string {
  return echo === 'message_sent' ? `{"success":true,"message":${body}}` : body;
}

/** JSON.stringify overflows the stack on nesting that JSON.parse takes: that is the sender's fault, not ours. */
function encode(notification: Notification, maxPayload: number): string {
  let body: string;
  try {
    body = JSON.stringify(notification.message);
  } catch {
    throw new RelayError('invalid_body', '/message is nested too deeply', {
      details: [{ path: '/message', message: 'must not be nested so deeply' }],
    });
  }
  if (Buffer.byteLength(body) <= maxPayload) return body;
  throw new RelayError('payload_too_large', `message must be at most ${maxPayload} bytes`);
}
