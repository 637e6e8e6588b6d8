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

  function deliver(notification: Notification, recipients: readonly string[], message: Message): Promise<Accepted> {
    if (pairing === NO_PAIRING) return store(notification, recipients, message, undefined);
    return pairing.completes(notification).then(
      (alias) => store(notification, recipients, message, alias),
      async (error: unknown) => {
        const alias = await pairing.completesHere(notification);
        showEarly(deliveriesOf(notification, recipients, message, alias), alias);
        throw error;
      },
    );
  }

  /** To all recipients, and the sender's own. */
  function deliveriesOf(
    { sender }: Notification,
    recipients: readonly string[],
    message: Message,
    alias: string | undefined,
  ): readonly Delivery[] {
    const { id, event, at } = message;
    const names = { key: `${event}:${id}`, ...(alias === undefined ? {} : { alias: `${event}:${alias}` }) };
    const deliveries: Delivery[] = recipients.map((user) => ({ user, message, ...names }));
    const echo = event === 'receive_message' && sender !== undefined ? senderEcho : 'none';
    if (echo !== 'none' && sender !== undefined) {
      const body = echo === 'message_sent' ? `{"success":true,"message":${message.body}}` : message.body;
      deliveries.push({ user: sender, message: { event: echo, id, body, at }, ...names });
    }
    return deliveries;
  }

  function store(
    notification: Notification,
    recipients: readonly string[],
    message: Message,
    alias: string | undefined,
  ): Promise<Accepted> {
    const deliveries = deliveriesOf(notification, recipients, message, alias);
    return inbox.append(deliveries).then(
      (appended) => showAll(message.id, deliveries, appended, recipients.length),
      (error: unknown) => {
        showEarly(deliveries, alias);
        throw error;
      },
    );
  }

  function showEarly(deliveries: readonly Delivery[], alias: string | undefined): void {
    for (const { user, message } of deliveries) early.show(user, message, alias);
  }

  /** @param count of those that are recipients, before the sender's own */
  function showAll(
    id: string,
    deliveries: readonly Delivery[],
    appended: readonly Appended[],
    count: number,
  ): Accepted {
    const delivered: string[] = [];
    const offline: string[] = [];
    let duplicate = appended.length > 0;
    for (const [index, entry] of appended.entries()) {
      const message = deliveries[index]?.message;
      if (message !== undefined) show(entry, message);
      if (!entry.duplicate) duplicate = false;
      if (index < count) (entry.online ? delivered : offline).push(entry.user);
    }
    if (duplicate) options.onDuplicate();
    return { id, duplicate, delivered, offline };
  }

  function show(entry: Appended, message: Message): void {
    if (entry.duplicate) {
      hub.reach(entry.user, entry);
      return;
    }
    hub.receive(entry.user, entry, message);
    options.onAccepted(message.id, entry.user, message.at);
  }

  async function signal(recipients: readonly string[], message: Message): Promise<Accepted> {
    for (const user of recipients) hub.signal(user, message);
    const online = await inbox.signal(recipients, message);
    return {
      id: message.id,
      duplicate: false,
      delivered: recipients.filter((_, index) => online[index]),
      offline: recipients.filter((_, index) => !online[index]),
    };
  }

  function take(notification: Notification, named: readonly string[]): Promise<Accepted> {
    const { id, event, conversation, sender, durable, forwarded } = notification;
    // before anything is begun that would go on when it is refused; one object for all its recipients: its packet is kept
    const message: Message = { event, id, body: encode(notification, maxPayload), at: Date.now() };
    const recipients = sender !== undefined && named.includes(sender) ? named.filter((user) => user !== sender) : named;
    const learned =
      conversation !== undefined && notification.recipients !== undefined && durable && !forwarded
        ? conversations.learn(conversation, sender === undefined ? named : [...named, sender])
        : undefined;
    const accepted = durable ? deliver(notification, recipients, message) : signal(recipients, message);
    return learned === undefined ? accepted : Promise.all([accepted, learned]).then(([result]) => result);
  }

  return async (notification) => {
    const { recipients, conversation, requestId } = notification;
    return take(notification, recipients ?? (await conversations.members(conversation ?? '', requestId)));
  };
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
