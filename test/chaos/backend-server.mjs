/** The PHP site's answers to the relay (CONTRACT.md section 7), in a process of its own as PHP is. */
import { createServer } from 'node:http';

const conversations = JSON.parse(process.env.CONVERSATIONS);

const server = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
  }
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(answer(JSON.parse(body))));
});

function answer({ action, cookie, conversation_id }) {
  switch (action) {
    case 'identify':
      return { user_id: /PHPSESSID=session-of-(\w+)-in-/.exec(String(cookie))?.[1] ?? null };
    case 'members':
      return { members: conversations[conversation_id - 1] ?? [] };
    case 'event':
      return { emit: [{ event: 'unreadCount', data: { unreadCount: 0 } }] };
    default:
      return { error: 'unknown action' };
  }
}

server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${server.address().port}\n`));
