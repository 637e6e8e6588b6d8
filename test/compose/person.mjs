import { setTimeout as delay } from 'node:timers/promises';
import { io } from 'socket.io-client-4.4.0';
import { until } from './check.mjs';
import { SITE } from './stack.mjs';

/**
 * Somebody who is logged in, with the page's own client but without a page. `agent` decides, with the address, which
 * relay nginx gives them.
 */
export async function logIn(userId, { agent, transports = ['polling', 'websocket'] }) {
  const cookie = await sessionCookie(userId, agent);
  const shown = [];
  const losses = [];
  const socket = io(SITE, {
    transports,
    forceNew: true,
    reconnectionDelayMax: 1000,
    extraHeaders: { cookie, 'user-agent': agent, origin: SITE },
  });
  socket.on('receive_message', (message) => shown.push(message.content));
  socket.on('message_sent', ({ message }) => shown.push(message.content));
  socket.on('disconnect', (reason) => losses.push(reason));
  let registrations = 0;
  socket.on('registered', (answer) => {
    if (answer.ok) registrations += 1;
  });
  // Once, at page load, and never again: as the old page does.
  socket.emit('register_user', userId);
  const known = async (times) =>
    await until(`registration ${times} of user ${userId}`, () => registrations >= times, 20_000);
  await known(1);
  const answered = () =>
    new Promise((resolve) => socket.timeout(5000).emit('getUnreadCount', userId, (late) => resolve(!late)));
  return {
    shown,
    losses,
    known,
    registrations: () => registrations,
    /** How often each text was shown. */
    timesShown: () => [...new Set(shown)].map((text) => [text, shown.filter((other) => other === text).length]),
    /**
     * Waits until the connection is where it stays. What was shown is confirmed by then, so that the next loss repeats
     * none of it.
     */
    settle: async () =>
      await until(
        `a connection of user ${userId} that stays`,
        async () => {
          const before = losses.length;
          return (await answered()) && (await delay(1000, true)) && (await answered()) && losses.length === before;
        },
        40_000,
      ),
    transport: () => socket.io.engine.transport.name,
    send: async (content) => await post(cookie, agent, { conversation_id: '5', content }),
    leave: () => socket.close(),
  };
}

// A connection that is kept may be closed by nginx, which reloads as relays come, while a request is on its way.
const ONCE = { connection: 'close' };

async function sessionCookie(userId, agent) {
  const answer = await fetch(`${SITE}/login.php?user=${userId}`, {
    redirect: 'manual',
    headers: { 'user-agent': agent, ...ONCE },
  });
  // As a browser does: of one name the last is kept. PHP sets its cookie twice, before the login and after it.
  const cookies = new Map(answer.headers.getSetCookie().map((one) => one.split(';')[0].split('=')));
  if (answer.status !== 303 || cookies.size === 0) throw new Error(`login answered ${answer.status}`);
  return [...cookies].map((pair) => pair.join('=')).join('; ');
}

async function post(cookie, agent, fields) {
  const answer = await fetch(`${SITE}/ajax/send-message.php`, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { cookie, 'user-agent': agent, origin: SITE, ...ONCE },
  });
  const body = await answer.json();
  if (!body.success) throw new Error(`send-message.php answered ${answer.status} ${JSON.stringify(body)}`);
  return body.message_id;
}
