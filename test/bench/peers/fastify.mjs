// The faster framework: Fastify, Socket.IO, jsonwebtoken with a KeyObject; ADAPTER=redis or sharded for several replicas.
import { createSecretKey } from 'node:crypto';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import Fastify from 'fastify';
import { Redis } from 'ioredis';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';

const key = createSecretKey(Buffer.from(process.env.SECRET));

const app = Fastify();
const io = new Server(app.server, { adapter: adapter() });

app.post('/notify', async (request, reply) => {
  try {
    jwt.verify(request.headers.authorization?.replace('Bearer ', ''), key, { audience: 'relay:internal' });
  } catch {
    return reply.code(401).send({ error: 'unauthorized' });
  }
  const { recipients, message } = request.body;
  io.to(recipients.map((id) => `user:${id}`)).emit('receive_message', message);
  return { success: true };
});

io.use((socket, next) => {
  try {
    socket.data.user = jwt.verify(socket.handshake.auth.token, key, { audience: 'relay:client' }).sub;
    next();
  } catch (error) {
    next(error);
  }
});

io.on('connection', async (socket) => {
  await socket.join(`user:${socket.data.user}`);
  socket.emit('registered', { ok: true, user_id: socket.data.user });
});

function adapter() {
  if (process.env.ADAPTER === undefined) return undefined;
  const publisher = new Redis(process.env.REDIS_URL);
  const subscriber = publisher.duplicate();
  return process.env.ADAPTER === 'sharded'
    ? createShardedAdapter(publisher, subscriber)
    : createAdapter(publisher, subscriber);
}

const url = await app.listen({ host: '127.0.0.1', port: 0 });
console.log(JSON.stringify({ public: url, internal: url }));
