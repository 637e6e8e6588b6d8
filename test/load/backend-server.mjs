/** A PHP site that answers who a session is, as slowly as PHP does, and counts. In a process of its own, as PHP is. */
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds that opening a session and asking the database take. */
const THINKING = 8;
const asked = new Map();
let open = 0;
let mostAtOnce = 0;

const server = createServer(async (request, response) => {
  response.setHeader('content-type', 'application/json');
  if (request.method === 'GET') {
    const most = Math.max(0, ...asked.values());
    return response.end(JSON.stringify({ cookies: asked.size, mostForOne: most, mostAtOnce }));
  }
  open += 1;
  mostAtOnce = Math.max(mostAtOnce, open);
  let body = '';
  for await (const chunk of request) body += chunk;
  const { action, cookie } = JSON.parse(body);
  if (action === 'identify') asked.set(cookie, (asked.get(cookie) ?? 0) + 1);
  await delay(THINKING);
  open -= 1;
  response.end(JSON.stringify({ user_id: /PHPSESSID=session-of-(\w+)/.exec(String(cookie))?.[1] ?? null }));
});

server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${server.address().port}\n`));
