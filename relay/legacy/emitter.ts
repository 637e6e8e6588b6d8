import type { Conversations } from '../messages/conversations.js';
import type { RedisClient } from '../store/redis/connect.js';
import type { Message } from '../store/store.js';
import { EMITTER_HINTS, type EmittedEvent, readEmitted } from './emitter-packet.js';
import type { Log } from './report.js';
import { addressedBy } from './rooms.js';
import { createThrottle } from './throttle.js';

/** How often the connection is asked whether it still lives, milliseconds: a subscriber hears nothing for hours. */
const PING_EVERY = 5_000;
/** Publishes that wait for the members of a conversation to be looked up; more to conversations are dropped. */
const MAX_WAITING = 1_000;

/** The way in for PHP that publishes through Redis as Socket.IO's emitters do (RELAY_EMITTER_KEY). */
export interface EmitterIngress {
  /** Resolves at once also when Redis is away: it is retried for ever. */
  open(): Promise<void>;
  close(): Promise<void>;
}

export interface EmitterIngressOptions {
  /** A connection of its own, not connected yet: one that is subscribed can do nothing else. */
  readonly subscriber: RedisClient;
  readonly key: string;
  /** Gives an event to this replica's own sockets of a user: every replica hears every publish. */
  readonly signal: (user: string, message: Message) => void;
  readonly conversations: Conversations;
  /** Bytes of one event. */
  readonly maxPayload: number;
  readonly log: Log;
  readonly now?: () => number;
}

export function createEmitterIngress(options: EmitterIngressOptions): EmitterIngress {
  const { subscriber, key, signal, conversations, maxPayload, log, now = Date.now } = options;
  const oncePerMinute = createThrottle(now);
  let waiting = 0;
  let turn: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  function refuse(reason: string, hint: string, fields: object = {}): void {
    oncePerMinute(reason, (times) =>
      log.warn({ reason, times, hint, ...fields }, 'a publish of a Socket.IO emitter was not delivered'),
    );
  }

  function take(channel: string, bytes: Uint8Array): void {
    const emitted = readEmitted(channel, bytes);
    // several arguments travel as one: the packet is written around them
    const body = emitted.kind === 'event' ? emitted.args.join(',') : '';
    if (emitted.kind === 'refused') refuse(emitted.reason, EMITTER_HINTS[emitted.reason]);
    else if (Buffer.byteLength(body) > maxPayload) refuse('too_large', EMITTER_HINTS.too_large);
    else hand(emitted, { event: emitted.event, id: '', body, at: now() });
  }

  function hand(emitted: EmittedEvent, message: Message): void {
    const { users, conversations: named } = addressedBy(emitted.rooms);
    const full = waiting >= MAX_WAITING;
    // also one to people takes its turn behind those that wait, unless it would be lost by that
    if (named.size === 0 && (waiting === 0 || full)) deliver(emitted, message, users);
    else if (full) refuse('too_many', 'more come than members of conversations can be looked up');
    else {
      waiting += 1;
      turn = turn.then(async () => {
        deliver(emitted, message, new Set([...users, ...(await membersOf(named, emitted.sender))]));
        waiting -= 1;
      });
    }
  }

  function deliver(emitted: EmittedEvent, message: Message, users: ReadonlySet<string>): void {
    const { users: except } = addressedBy(emitted.except);
    for (const user of users) if (!except.has(user)) signal(user, message);
  }

  /** Not the sender: the old server told members of a conversation what others say. */
  async function membersOf(named: ReadonlySet<string>, sender: string | undefined): Promise<readonly string[]> {
    const found: string[] = [];
    for (const conversation of named) {
      try {
        found.push(...(await conversations.members(conversation)));
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        refuse('unknown_conversation', "emit to the people, as in to('user:17')", { conversation, why });
      }
    }
    return found.filter((user) => user !== sender);
  }

  async function subscribe(): Promise<void> {
    await subscriber.psubscribe(`${escapeGlob(key)}#*`);
    log.info({ key }, 'emitters: subscribed');
  }

  function ping(): void {
    if (subscriber.status !== 'ready') return;
    subscriber.ping().catch(() => subscriber.disconnect(true));
  }

  return {
    async open() {
      subscriber.on('error', (error: Error) => log.warn({ reason: error.message }, 'emitters: connection error'));
      subscriber.on('close', () => log.warn({}, 'emitters: connection lost'));
      subscriber.on('pmessageBuffer', (_pattern: unknown, channel: Buffer, bytes: Buffer) =>
        take(channel.toString(), bytes),
      );
      subscriber.on('ready', () => {
        // a connection that is lost in between becomes ready again
        subscribe().catch((error: unknown) => log.warn({ err: error }, 'emitters: not subscribed yet'));
      });
      timer = setInterval(ping, PING_EVERY);
      await subscriber.connect().catch((error: unknown) => log.warn({ err: error }, 'emitters: Redis is away'));
    },
    async close() {
      clearInterval(timer);
      subscriber.disconnect();
      await turn;
    },
  };
}

function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^]/g, '\\$&');
}
