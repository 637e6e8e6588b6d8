// What sites write today: Express, Socket.IO, jsonwebtoken. KEY=object gives jsonwebtoken a KeyObject for its secret.
import { createSecretKey } from 'node:crypto';
import { createServer } from 'node:http';
import express from 'express';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';

const secret = process.env.SECRET;
const key = process.env.KEY === 'object' ? createSecretKey(Buffer.from(secret)) : secret;

const app = express();
app.use(express.json());

app.post('/notify', (req, res) => {
  try {
    jwt.verify(req.headers.authorization?.replace('Bearer ', ''), key, { audience: 'relay:internal' });
  } catch {
    return res.status(401).json({ error: 'unauthorized' });
  }
  const { recipients, message } = req.body;
  io.to(recipients.map((id) => `user:${id}`)).emit('receive_message', message);
  res.json({ success: true });
});

const server = createServer(app);
const io = new Server(server);

io.use((socket, next) => {
  try {
    socket.data.user = jwt.verify(socket.handshake.auth.token, key, { audience: 'relay:client' }).sub;
    next();
  } catch (error) {
    next(error);
  }
});

io.on('connection', (socket) => {
  socket.join(`user:${socket.data.user}`);
  socket.emit('registered', { ok: true, user_id: socket.data.user });
});

server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ public: url, internal: url }));
});
