/**
 * The peer: what one writes with Socket.IO and its Redis adapter from their documentation. `register_user` joins the
 * user's room, a call of PHP emits to the rooms of the recipients.
 */
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

const { PORT, INTERNAL_PORT, REDIS_URL } = process.env;
const web = createServer();
const io = new Server(web);

if (REDIS_URL) {
  const publisher = new Redis(REDIS_URL);
  const subscriber = publisher.duplicate();
  for (const connection of [publisher, subscriber]) {
    connection.on('error', (error) => process.stderr.write(`redis: ${error.message}\n`));
  }
  io.adapter(createAdapter(publisher, subscriber));
}

const room = (user) => `user:${user}`;

io.on('connection', (socket) => {
  socket.on('register_user', (user) => socket.join(room(user)));
  socket.on('getUnreadCount', () => socket.emit('unreadCount', { unreadCount: 0 }));
});

const internal = createServer(async (request, response) => {
  if (request.method !== 'POST') {
    response.end('ok');
    return;
  }
  let body = '';
  for await (const chunk of request) {
    body += chunk;
  }
  const { recipients, sender, event = 'receive_message', message } = JSON.parse(body);
  const others = recipients.filter((user) => String(user) !== String(sender));
  io.to(others.map(room)).emit(event, message);
  if (event === 'receive_message') {
    io.to(room(sender)).emit('message_sent', { success: true, message });
  }
  response.setHeader('Content-Type', 'application/json');
  response.end('{}');
});

process.on('SIGTERM', () => {
  internal.close();
  void io.close(() => process.exit(0));
});

web.listen(Number(PORT), '127.0.0.1');
internal.listen(Number(INTERNAL_PORT), '127.0.0.1');
