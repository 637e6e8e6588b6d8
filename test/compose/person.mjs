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
  return {
    shown,
    losses,
    known,
    registrations: () => registrations,
    transport: () => socket.io.engine.transport.name,
    send: async (content) => await post(cookie, agent, { conversation_id: '5', content }),
    leave: () => socket.close(),
  };
}

async function sessionCookie(userId, agent) {
  const answer = await fetch(`${SITE}/login.php?user=${userId}`, {
    redirect: 'manual',
    headers: { 'user-agent': agent },
  });
  const cookies = answer.headers.getSetCookie().map((one) => one.split(';')[0]);
  if (answer.status !== 303 || cookies.length === 0) throw new Error(`login answered ${answer.status}`);
  return cookies.join('; ');
}

async function post(cookie, agent, fields) {
  const answer = await fetch(`${SITE}/ajax/send-message.php`, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { cookie, 'user-agent': agent, origin: SITE },
  });
  const body = await answer.json();
  if (!body.success) throw new Error(`send-message.php answered ${answer.status} ${JSON.stringify(body)}`);
  return body.message_id;
}
