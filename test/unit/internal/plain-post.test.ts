import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPostReader } from '../../../relay/internal/plain-post.js';

const read = createPostReader('/notify');
const BODY = '{"a":"ü"}';
const LENGTH = `Content-Length: ${Buffer.byteLength(BODY)}`;

function post(lines: readonly string[], body = BODY, first = 'POST /notify HTTP/1.1'): Buffer {
  return Buffer.from([first, ...lines, '', body].join('\r\n'));
}

test('a request as PHP’s clients write it is read whole', () => {
  const lines = ['Host: relay:3001', 'Accept: */*', 'authorization:Bearer a.b.c ', 'X-Request-ID: 17', LENGTH];
  const found = read(post(lines));
  expect(found).toMatchObject({ authorization: 'Bearer a.b.c', requestId: '17', last: false });
  expect(found?.body.toString()).toBe(BODY);
});

test('a caller who wants the connection to end is one', () => {
  expect(read(post(['Host: a', LENGTH, 'Connection: Close']))).toMatchObject({ last: true });
  expect(read(post(['Host: a', LENGTH, 'Connection: keep-alive']))).toMatchObject({ last: false });
});

test.each<[string, Buffer]>([
  ['a head without its end', Buffer.from('POST /notify HTTP/1.1\r\nHost: a\r\n')],
  ['a body without its end', post(['Host: a', LENGTH], BODY.slice(0, -1))],
  ['another request behind it', Buffer.concat([post(['Host: a', LENGTH]), Buffer.from('GET / HTTP/1.1\r\n')])],
  ['no length', post(['Host: a'], '')],
  ['a length that is none', post(['Host: a', 'Content-Length: +9'])],
  ['two lengths', post(['Host: a', LENGTH, LENGTH])],
  ['no host', post([LENGTH])],
  ['two hosts', post(['Host: a', 'Host: a', LENGTH])],
  ['two tokens', post(['Host: a', LENGTH, 'Authorization: Bearer a', 'Authorization: Bearer b'])],
  ['chunks', post(['Host: a', 'Transfer-Encoding: chunked', LENGTH])],
  ['an expectation', post(['Host: a', 'Expect: 100-continue', LENGTH])],
  ['an upgrade', post(['Host: a', 'Connection: Upgrade', 'Upgrade: websocket', LENGTH])],
  ['a list of connection options', post(['Host: a', 'Connection: keep-alive, close', LENGTH])],
  ['a folded line', post(['Host: a', 'X-A: 1', ' 2', LENGTH])],
  ['a blank before a colon', post(['Host: a', 'X-A : 1', LENGTH])],
  ['bytes beyond ASCII in the head', post(['Host: a', 'X-A: ü', LENGTH])],
  ['a bare line feed', post(['Host: a', 'X-A: 1\nX-B: 2', LENGTH])],
  ['a head longer than Node takes', post(['Host: a', `X-A: ${'a'.repeat(17_000)}`, LENGTH])],
  ['HTTP/1.0', post(['Host: a', LENGTH], BODY, 'POST /notify HTTP/1.0')],
  ['a query', post(['Host: a', LENGTH], BODY, 'POST /notify?a=1 HTTP/1.1')],
  ['another path', post(['Host: a', LENGTH], BODY, 'POST /notify/batch HTTP/1.1')],
  ['another method', post(['Host: a', LENGTH], BODY, 'PUT /notify HTTP/1.1')],
])('%s is left to Node', (_what, bytes) => {
  expect(read(bytes)).toBeUndefined();
});

interface Seen {
  readonly authorization: string | undefined;
  readonly requestId: unknown;
  readonly body: string;
  readonly last: boolean;
}

const requests: ((seen: Seen) => void)[] = [];
const server = createServer(async (request: IncomingMessage, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  response.end();
  requests.shift()?.({
    authorization: request.headers.authorization,
    requestId: request.headers['x-request-id'],
    body: Buffer.concat(chunks).toString('latin1'),
    last: !response.shouldKeepAlive,
  });
});
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function nodeReads(bytes: Buffer): Promise<Seen> {
  const seen = new Promise<Seen>((resolve) => requests.push(resolve));
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(bytes);
  return seen.finally(() => socket.destroy());
}

const NAMES = ['Host', 'authorization', 'X-Request-Id', 'Connection', 'Content-Length', 'X-A', 'Accept', 'Cookie'];
const VALUES = [
  '',
  'a',
  'keep-alive',
  'close',
  'Close',
  '0',
  '3',
  '03',
  ' 3',
  '3\t',
  'Bearer a',
  '"',
  'a,b',
  ':',
  '\x7f',
];
const lines = fc.array(
  fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(' ', '', '\t'), fc.constantFrom(...VALUES)),
  {
    maxLength: 6,
  },
);

test('whatever is read here, Node reads in the same way', async () => {
  let accepted = 0;
  const same = fc.asyncProperty(lines, fc.constantFrom('', 'abc', '\0\r\n', 'GET'), async (fields, body) => {
    const head = fields.map(([name, blank, value]) => `${name}:${blank}${value}`);
    const bytes = post(['Host: relay', `Content-Length: ${body.length}`, ...head], body);
    const found = read(bytes);
    if (found === undefined) return;
    accepted += 1;
    const { authorization, requestId, last } = found;
    const own = { authorization, requestId, body: found.body.toString('latin1'), last };
    expect(own).toEqual(await nodeReads(bytes));
  });
  await fc.assert(same, { numRuns: 400 });
  expect(accepted).toBeGreaterThan(20);
});
