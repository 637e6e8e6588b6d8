import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createEnds } from '../../../relay/sockets/ends.js';
import { createWebSocketServer } from '../../../relay/sockets/web-socket-server.js';
import { onTeardown } from '../../support/teardown.js';

const MANY = 1_000;

/** Connections of one ws: at their end and at their close it does the same with all of them. */
function connect(count: number) {
  const seen: string[] = [];
  const names = new Map<Duplex, string>();
  const name = (socket: Duplex) => names.get(socket) ?? '';
  function end(this: Duplex): void {
    seen.push(`end ${name(this)}`);
    this.end();
  }
  function close(this: Duplex): void {
    seen.push(`close ${name(this)}`);
  }
  const endInTurn = createEnds();
  const sockets = Array.from({ length: count }, (_, index) => {
    const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    names.set(socket, String(index));
    socket
      .on('end', end)
      .on('close', close)
      .on('error', () => undefined)
      .resume();
    endInTurn(socket);
    return socket;
  });
  return { seen, sockets };
}

/** How much was seen in each turn of the event loop until `done`. */
async function turnsUntil(seen: readonly string[], done: () => boolean): Promise<number[]> {
  const turns: number[] = [];
  for (let before = seen.length; !done() && turns.length < MANY; before = seen.length) {
    await nextTurn();
    turns.push(seen.length - before);
  }
  return turns;
}

test('connections that end at once are taken apart some at a turn, in their order', async () => {
  const { seen, sockets } = connect(MANY);
  for (const socket of sockets) socket.push(null);
  const turns = await turnsUntil(seen, () => seen.length >= 2 * MANY);
  const all = sockets.map((_, index) => index);
  expect(seen.filter((what) => what.startsWith('end'))).toEqual(all.map((index) => `end ${index}`));
  expect(seen.filter((what) => what.startsWith('close'))).toEqual(all.map((index) => `close ${index}`));
  // the end of some, and the close of those and of some before them
  expect(Math.max(...turns)).toBeLessThan(MANY / 4);
});

test('connections that break at once are taken apart some at a turn as well', async () => {
  const { seen, sockets } = connect(MANY);
  for (const socket of sockets) socket.destroy(new Error('ECONNRESET'));
  const turns = await turnsUntil(seen, () => seen.length >= MANY);
  expect(seen).toEqual(sockets.map((_, index) => `close ${index}`));
  expect(Math.max(...turns)).toBeLessThan(MANY / 8);
});

test('one that breaks while its end waits for its turn is closed once', async () => {
  const { seen, sockets } = connect(1);
  const [socket] = sockets;
  socket?.push(null);
  socket?.once('end', () => socket.destroy());
  await turnsUntil(seen, () => seen.length > 0);
  await nextTurn();
  expect(seen).toEqual(['close 0']);
});

test('WebSockets that are cut off at once are closed some at a turn, each once', async () => {
  const count = 300;
  const { served, clients } = await connectWebSockets(count);
  const seen: string[] = [];
  for (const [index, webSocket] of served.entries()) webSocket.on('close', (code) => seen.push(`${index} ${code}`));
  for (const client of clients) client.terminate();
  const turns = await turnsUntil(seen, () => seen.length >= count);
  expect(seen.sort()).toEqual(served.map((_, index) => `${index} 1006`).sort());
  expect(Math.max(...turns)).toBeLessThan(count / 2);
});

/** Of ws, on both sides. */
async function connectWebSockets(count: number) {
  const server = createWebSocketServer({ noServer: true });
  const listener = createServer();
  const served: WebSocket[] = [];
  listener.on('upgrade', (request, socket, head) => {
    server.handleUpgrade(request, socket, head, (webSocket) => served.push(webSocket));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const clients = Array.from({ length: count }, () => new WebSocket(`ws://127.0.0.1:${port}`));
  onTeardown(() => {
    for (const client of clients) client.terminate();
    listener.close();
  });
  await Promise.all(clients.map((client) => once(client, 'open')));
  return { served, clients };
}
