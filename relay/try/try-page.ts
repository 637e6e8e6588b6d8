import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import serveStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { RelayError } from '../errors.js';
import type { Accept } from '../messages/accept.js';
import type { Conversations } from '../messages/conversations.js';
import { isPayload } from '../messages/legacy-fields.js';
import { readNotification } from '../messages/notification.js';
import { showTrace, type Traces } from '../messages/trace.js';
import { cursorOf } from '../store/cursor.js';
import type { Inbox } from '../store/store.js';
import type { Tokens } from '../tokens.js';

/** The page at `/try`, outside production: two people of a made-up site, side by side, both live. */
export interface TryPage {
  addRoutes(app: FastifyInstance): Promise<void>;
  /** A line to paste into a shell, whose message both see. Good for five minutes. */
  curl(): string;
}

export interface TryPageOptions {
  readonly tokens: Tokens;
  readonly inbox: Inbox;
  readonly conversations: Conversations;
  readonly accept: Accept;
  readonly traces: Traces;
  /** Where the internal API listens. */
  readonly internalUrl: () => string;
}

const PEOPLE = [
  { id: 'ada', name: 'Ada' },
  { id: 'ben', name: 'Ben' },
];
const CONVERSATION = 'try';
/** Seconds. */
const TOKEN_LIFE = 3_600;
const LONGEST_TEXT = 2_000;

export function createTryPage(options: TryPageOptions): TryPage {
  const { tokens, inbox, conversations, accept, traces, internalUrl } = options;

  /** From before the oldest message that the inbox holds: there is no PHP here to give a history. */
  async function oldestCursor(user: string): Promise<string> {
    const { epoch, floor } = await inbox.read(user, 0, 1);
    return cursorOf({ epoch, seq: floor });
  }

  function curl(): string {
    const id = `curl-${randomUUID().slice(0, 8)}`;
    const sentAt = new Date().toISOString();
    const body = JSON.stringify({
      recipients: PEOPLE.map((person) => person.id),
      message: {
        id,
        conversation_id: CONVERSATION,
        sender_id: 'curl',
        sender_name: 'curl',
        content: 'Hello from curl',
        sent_at: sentAt,
      },
    });
    const token = tokens.signCall('relay:internal', body, 300);
    return `curl -sS ${internalUrl()}/notify -H 'Content-Type: application/json' -H 'Authorization: Bearer ${token}' -d '${body}'`;
  }

  function readSend(body: unknown): { from: string; to: string; text: string } {
    const { from, to, text } = isPayload(body) ? body : {};
    const known = (id: unknown) => PEOPLE.some((person) => person.id === id);
    if (typeof from !== 'string' || typeof to !== 'string' || from === to || !known(from) || !known(to)) {
      throw new RelayError('invalid_body', 'from and to must be ada and ben, or ben and ada');
    }
    if (typeof text !== 'string' || text.trim() === '' || text.length > LONGEST_TEXT) {
      throw new RelayError('invalid_body', `text must be 1 to ${LONGEST_TEXT} characters`);
    }
    return { from, to, text };
  }

  return {
    curl,
    async addRoutes(app) {
      await app.register(serveStatic, {
        root: fileURLToPath(new URL('.', import.meta.url)),
        prefix: '/try/',
        allowedPath: (path) => /^\/try\.(js|css)$/.test(path),
        decorateReply: false,
      });
      app.get('/try', (_request, reply) => reply.sendFile('try.html', fileURLToPath(new URL('.', import.meta.url))));
      app.get('/try/session', async (_request, reply) => {
        reply.header('cache-control', 'no-store');
        await conversations.learn(
          CONVERSATION,
          PEOPLE.map(({ id }) => id),
        );
        const users = PEOPLE.map(async (person) => ({
          ...person,
          token: tokens.signClient(person.id, TOKEN_LIFE),
          cursor: await oldestCursor(person.id),
        }));
        return { users: await Promise.all(users), conversation_id: CONVERSATION, curl: curl(), docs: null };
      });
      app.post('/try/send', async (request) => {
        const { from, to, text } = readSend(request.body);
        const id = randomUUID();
        const name = PEOPLE.find((person) => person.id === from)?.name ?? from;
        const message = {
          id,
          conversation_id: CONVERSATION,
          sender_id: from,
          sender_name: name,
          sender_photo: '',
          content: text,
          sent_at: new Date().toISOString(),
        };
        return accept(readNotification({ id, recipients: [to], sender: from, message }));
      });
      app.get<{ Params: { id: string } }>('/try/trace/:id', async ({ params: { id } }) => {
        const trace = await traces.everywhere(id);
        const ours = trace !== undefined && PEOPLE.some((person) => Object.hasOwn(trace.recipients, person.id));
        if (!ours) throw new RelayError('not_found', 'no message of that id has been seen here');
        return showTrace(id, trace);
      });
    },
  };
}
