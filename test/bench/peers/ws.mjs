// A floor: node:http and ws, no framework, no Socket.IO. TOKENS=none leaves out the check of PHP's token as well.
import { createSecretKey } from 'node:crypto';
import { createServer } from 'node:http';
import jwt from 'jsonwebtoken';
import { WebSocketServer } from 'ws';

const key = createSecretKey(Buffer.from(process.env.SECRET));
const guarded = process.env.TOKENS !== 'none';
const sockets = new Map();

const server = createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    if (guarded && !authorized(req)) return res.writeHead(401).end();
    const { recipients, message } = JSON.parse(Buffer.concat(chunks));
    const frame = `42["receive_message",${JSON.stringify(message)}]`;
    for (const id of recipients) for (const socket of sockets.get(String(id)) ?? []) socket.send(frame);
    res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 16 }).end('{"success":true}');
  });
});

function authorized(req) {
  try {
    return jwt.verify(req.headers.authorization?.replace('Bearer ', ''), key, { audience: 'relay:internal' });
  } catch {
    return undefined;
  }
}

new WebSocketServer({ server }).on('connection', (socket) => {
  // so that the load generator needs one dialect only
  socket.send('0{}');
  socket.once('message', (hello) => {
    const { token } = JSON.parse(hello.toString().slice(2));
    const { sub } = jwt.verify(token, key, { audience: 'relay:client' });
    const own = sockets.get(sub) ?? new Set();
    sockets.set(sub, own.add(socket));
    socket.on('close', () => own.delete(socket));
    socket.send('42["registered",{"ok":true}]');
  });
});

server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ public: url, internal: url }));
});
