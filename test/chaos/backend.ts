import { createServer, type IncomingMessage } from 'node:http';
import { onTeardown } from '../support/teardown.js';
import { listenOnLoopback } from './loopback.js';

/** The cookie of a site whose session ids name the user; every browser has a session of its own. */
export const sessionCookie = (user: string, browser: string) => ({
  name: 'PHPSESSID',
  value: `session-of-${user}-in-${browser}`,
});

/** The PHP site's answers to the relay (CONTRACT.md section 7). @returns its URL */
export async function startBackend(members: (conversation: number) => readonly string[]): Promise<string> {
  const server = createServer((request, response) => {
    readJson(request).then(
      (asked) => {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify(answer(asked, members)));
      },
      () => response.writeHead(400).end(),
    );
  });
  const port = await listenOnLoopback(server);
  onTeardown(() => server.closeAllConnections());
  return `http://127.0.0.1:${port}/relay-backend.php`;
}

function answer(asked: Record<string, unknown>, members: (conversation: number) => readonly string[]): unknown {
  switch (asked.action) {
    case 'identify':
      return { user_id: /PHPSESSID=session-of-(\w+)-in-/.exec(String(asked.cookie))?.[1] ?? null };
    case 'members':
      return { members: members(Number(asked.conversation_id)) };
    case 'event':
      return { emit: [{ event: 'unreadCount', data: { unreadCount: 0 } }] };
    default:
      return { error: 'unknown action' };
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(Buffer.from(chunk));
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}
