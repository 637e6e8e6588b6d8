import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Relay, startRelay } from '../../support/relay.js';
import { onTeardown } from '../../support/teardown.js';
import { until } from '../../support/until.js';

/** Text, or the binary part of an event. */
type Said = string | Buffer;

interface Conversation {
  readonly what: string;
  readonly says: readonly Said[];
}

/** Answered by whoever is still listening: what did not come before it does not come. */
const LAST = '4299["typing",{}]';
const BYTES = Buffer.from([1, 2, 3]);

/** After each `40` the answer is awaited, as clients do. */
const REVISION_5: readonly Conversation[] = [
  { what: 'a socket', says: ['40', LAST] },
  { what: 'a socket, with something about itself', says: ['40{"about":[1,{"me":null}]}', LAST] },
  { what: 'a socket twice', says: ['40', '40', LAST] },
  { what: 'a socket with what is no object', says: ['40"me"', LAST] },
  { what: 'a socket of a namespace that is not there, and then its own', says: ['40/x,', '40', LAST] },
  { what: 'a socket of a namespace with a query', says: ['40/x?a=b,{"c":1}', '40', LAST] },
  { what: 'something without a socket', says: ['42["typing",{}]', LAST] },
  { what: 'something in another namespace', says: ['40', '42/x,["typing",{}]', LAST] },
  { what: 'goodbye to another namespace', says: ['40', '41/x,', LAST] },
  { what: 'with an answer asked for, the first has the number 0', says: ['40', '420["typing",{}]', LAST] },
  { what: 'an answer that nobody waits for', says: ['40', '437[1]', LAST] },
  {
    what: 'bytes as an answer that nobody waits for',
    says: ['40', '461-7[{"_placeholder":true,"num":0}]', BYTES, LAST],
  },
  { what: 'a refusal, which only servers do', says: ['40', '44{"message":"no"}', LAST] },
  { what: 'bytes', says: ['40', '451-3["typing",{"_placeholder":true,"num":0}]', BYTES, LAST] },
  {
    what: 'bytes twice',
    says: ['40', '452-["typing",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', BYTES, BYTES, LAST],
  },
  { what: 'text where bytes are due', says: ['40', '451-3["typing",{"_placeholder":true,"num":0}]', LAST, BYTES] },
  { what: 'bytes that nothing announced', says: ['40', BYTES, LAST] },
  { what: 'more bytes than anybody sends', says: ['40', `45${'9'.repeat(6)}-["typing"]`, BYTES, LAST] },
  { what: 'an event of a name that is the library’s own', says: ['40', '42["disconnect"]', LAST] },
  { what: 'an event that is called error', says: ['40', '42["error",1]', LAST] },
  { what: 'an event whose name is a number', says: ['40', '42[7,1]', LAST] },
  { what: 'an event whose name is an object', says: ['40', '42[{"a":1}]', LAST] },
  { what: 'an event that is no list', says: ['40', '42{"typing":1}', LAST] },
  { what: 'an event that is no JSON', says: ['40', '42["typing"', LAST] },
  { what: 'a packet of no type that there is', says: ['40', '49', LAST] },
  { what: 'nothing', says: ['40', '4', LAST] },
];

const REVISION_4: readonly Conversation[] = [
  { what: 'nothing, and has a socket', says: [LAST] },
  { what: 'a namespace that is not there', says: ['40/x', LAST] },
  { what: 'a namespace with a query, and is answered by its name', says: ['40/x?a=b', LAST] },
  { what: 'bytes', says: ['451-3["typing",{"_placeholder":true,"num":0}]', Buffer.from([4, 1, 2, 3]), LAST] },
  { what: 'something in another namespace', says: ['42/x,["typing",{}]', LAST] },
];

let stock: string;
let relay: Relay;

beforeAll(async () => {
  [stock, relay] = await Promise.all([startStock(), startRelay({ RELAY_ALLOW_EIO3: 'true' })]);
});

describe('a page is answered as by Socket.IO itself when it says', () => {
  test.each(REVISION_5)('$what', async ({ says }) => {
    const answers = await hold(stock, 4, says);
    expect(await hold(relay.url, 4, says)).toEqual(answers);
  });
});

describe('a v2 page is answered as by Socket.IO itself when it says', () => {
  test.each(REVISION_4)('$what', async ({ says }) => {
    const answers = await hold(stock, 3, says);
    expect(await hold(relay.url, 3, says)).toEqual(answers);
  });
});

test('bytes of several pages that come in turns are each page’s own', async () => {
  const pages = await Promise.all(Array.from({ length: 3 }, () => dial(relay.url, 4)));
  for (const page of pages) {
    page.say('40');
    await until('the socket', () => page.heard().length > 0);
  }
  for (const page of pages) page.say('452-3["typing",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]');
  for (const page of pages) page.say(BYTES);
  const beside = await hold(relay.url, 4, ['40', '451-5["typing",{"_placeholder":true,"num":0}]', BYTES, LAST]);
  expect(beside).toEqual(['40', '435', '4399']);
  for (const page of pages) page.say(BYTES);
  for (const page of pages) await until('the answer', () => page.heard().includes('433'));
  expect(pages.map((page) => page.heard())).toEqual(pages.map(() => ['40', '433']));
});

/** What Socket.IO does with no more than a handler that answers every event. */
async function startStock(): Promise<string> {
  const server = createServer();
  const io = new Server(server, { allowEIO3: true });
  io.on('connection', (socket) => {
    socket.onAny((_event, ...args: unknown[]) => {
      const ack = args.at(-1);
      if (typeof ack === 'function') ack({ ok: true });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTeardown(() => io.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What is answered, in its order, and whether the connection was ended before the last was. */
async function hold(url: string, revision: number, says: readonly Said[]): Promise<readonly string[]> {
  const page = await dial(url, revision);
  for (const said of says) {
    const before = page.heard().length;
    page.say(said);
    if (String(said).startsWith('40')) await until('an answer', () => page.ended() || page.heard().length > before);
  }
  await until('the end, or the last answer', () => page.ended() || page.heard().includes('4399'));
  return page.ended() ? [...page.heard(), 'ended'] : page.heard();
}

async function dial(url: string, revision: number) {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=${revision}&transport=websocket`);
  onTeardown(() => ws.terminate());
  const heard: string[] = [];
  let ended = false;
  ws.on('message', (data) => {
    const packet = plain(String(data));
    if (packet !== undefined) heard.push(packet);
  });
  ws.on('close', () => {
    ended = true;
  });
  await once(ws, 'open');
  return {
    say: (said: Said) => ws.send(said),
    heard: () => [...heard],
    ended: () => ended,
  };
}

/** Without what differs from one connection to the next, events, and what an answer says. */
function plain(packet: string): string | undefined {
  if (packet.startsWith('40')) return packet.replace(/\{"sid":"[^"]{20}"\}$/, '');
  if (packet.startsWith('43')) return /^43\d+/.exec(packet)?.[0];
  return packet.startsWith('44') ? packet : undefined;
}
