import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { onTeardown } from '../support/teardown.js';
import { until } from '../support/until.js';

test('a delay keeps the order, also when it is shortened while pieces are under way', async () => {
  const { proxy, near, text } = await line();
  proxy.delay(150);
  near.write('1');
  await until('the first piece to be under way', () => proxy.connections === 1 && near.bytesWritten === 1);
  proxy.delay(0);
  near.write('2');
  near.end('3');
  await until('all of it', () => text() === '123');
});

test('what is held back by a stall comes after it', async () => {
  const { proxy, near, text } = await line();
  proxy.stall();
  near.write('held');
  const later = dial(proxy);
  await once(later, 'connect');
  expect(text()).toBe('');
  proxy.resume();
  await until('it', () => text() === 'held');
});

test('a cut is a reset at both ends, and what is refused is reset at once', async () => {
  const { proxy, near, far } = await line();
  const errors = Promise.all([once(near, 'error'), once(far, 'error')]);
  proxy.cut();
  expect(await errors).toMatchObject([[{ code: 'ECONNRESET' }], [{ code: 'ECONNRESET' }]]);
  proxy.refuse();
  const refused = dial(proxy);
  expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNRESET' }]);
});

test('a black hole keeps the connection and loses what is said', async () => {
  const { proxy, near, text } = await line();
  proxy.blackHole();
  near.write('lost');
  near.end();
  await until('the end, which is no byte', () => proxy.connections <= 1);
  expect(text()).toBe('');
});

/** A connection through a proxy: `near` is the client's end, `far` the server's, `text` what came there. */
async function line(): Promise<{ proxy: TcpProxy; near: Socket; far: Socket; text: () => string }> {
  const server = createServer((socket) => socket.on('error', expected)).listen(0, '127.0.0.1');
  onTeardown(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const proxy = await startTcpProxy(address);
  const near = dial(proxy);
  const [far] = (await once(server, 'connection')) as [Socket];
  let came = '';
  far.on('data', (piece) => {
    came += piece;
  });
  return { proxy, near, far, text: () => came };
}

const dial = (proxy: TcpProxy): Socket => connect(proxy.port, '127.0.0.1').on('error', expected);

// The proxy ends with the test by resetting what is still open.
const expected = (error: Error): void => expect(error).toMatchObject({ code: 'ECONNRESET' });
