import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createLane } from '../../../relay/internal/lane.js';
import { createTokens } from '../../../relay/tokens.js';
import { onTeardown } from '../../support/teardown.js';
import { internalToken, SECRET } from '../../support/tokens.js';
import { until, within } from '../../support/until.js';

const PATIENCE = { first: 60_000, keepAlive: 60_000 };

interface Given {
  /** What is answered by the lane. */
  readonly answer?: object;
  /** What an answer waits for. */
  readonly gate?: Promise<unknown>;
  readonly patience?: typeof PATIENCE;
}

/** A lane before a server of Node's, as the relay has it, that keeps what either was asked. */
async function startLane({ answer = {}, gate = Promise.resolve(), patience = PATIENCE }: Given = {}) {
  const byLane: unknown[] = [];
  const byNode: string[] = [];
  const sockets: Socket[] = [];
  const lane = createLane(
    {
      path: '/notify',
      tokens: createTokens(SECRET, undefined),
      refuse: (thrown) => ({ status: 400, retryAfter: undefined, body: { error: thrown.message } }),
      requestIdOf: String,
      handle: async (body) => {
        byLane.push(body);
        await gate;
        return answer;
      },
      onAnswered: () => undefined,
    },
    patience,
  );
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    byNode.push(body);
    response.end('"by Node"');
  });
  const others = server.listeners('connection');
  server.removeAllListeners('connection').on('connection', (socket: Socket) => {
    sockets.push(socket);
    lane.take(socket, () => {
      for (const listener of others) listener.call(server, socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTeardown(() => {
    lane.close();
    server.closeAllConnections();
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return { byLane, byNode, sockets, lane, server, call: () => callerOf(port) };
}

/** A caller that does not end its side because the other one does. */
async function callerOf(port: number) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  onTeardown(() => socket.destroy());
  const state = { received: '', ended: false };
  socket.setEncoding('utf8').on('data', (text: string) => {
    state.received += text;
  });
  socket.on('end', () => {
    state.ended = true;
  });
  socket.on('error', () => socket.destroy());
  await once(socket, 'connect');
  return { socket, state, answers: () => state.received.split('HTTP/1.1 ').length - 1 };
}

function notify(value: unknown, more: readonly string[] = []): Buffer {
  const body = JSON.stringify(value);
  const own = [`Authorization: Bearer ${internalToken(body)}`, `Content-Length: ${Buffer.byteLength(body)}`];
  return Buffer.from(['POST /notify HTTP/1.1', 'Host: relay', ...own, ...more, '', body].join('\r\n'));
}

test('a request in one piece is answered without Node, and one in two pieces by Node, cut anywhere', async () => {
  const { byLane, byNode, sockets, call } = await startLane();
  const request = notify({ text: 'ü' });
  const cuts = Array.from({ length: request.length - 1 }, (_, index) => index + 1);
  const inPieces = async (cut: number) => {
    const { socket, answers } = await call();
    const taken = await until('the connection', () => sockets.find((one) => one.remotePort === socket.localPort));
    socket.write(request.subarray(0, cut));
    await until('the first piece', () => taken.bytesRead === cut);
    socket.write(request.subarray(cut));
    await until(`the answer to a request cut at ${cut}`, () => answers() === 1);
  };
  await Promise.all(cuts.map(inPieces));
  expect(byNode).toEqual(cuts.map(() => '{"text":"ü"}'));
  const whole = await call();
  whole.socket.write(request);
  await until('the answer', () => whole.answers() === 1);
  expect(byLane).toEqual([{ text: 'ü' }]);
});

describe('nothing is done of what comes', () => {
  test('behind a request that was to be the last', async () => {
    const { byLane, call } = await startLane();
    const { socket, state, answers } = await call();
    socket.write(notify('last', ['Connection: close']));
    await until('the answer', () => answers() === 1 && state.ended);
    socket.write(notify('behind it'));
    const other = await call();
    other.socket.write(notify('other'));
    await until('an answer to another', () => other.answers() === 1);
    expect(byLane).toEqual(['last', 'other']);
  });

  test('behind the word that it is too late', async () => {
    const { byLane, call } = await startLane({ patience: { first: 0, keepAlive: 60_000 } });
    const { socket, state } = await call();
    await until('the end', () => state.ended);
    expect(state.received).toMatch(/^HTTP\/1\.1 408 /);
    socket.write(notify('too late'));
    const other = await call();
    other.socket.write(notify('other'));
    await until('an answer to another', () => other.answers() === 1);
    expect(byLane).toEqual(['other']);
  });
});

test('who does not read its answers is not asked for more', async () => {
  const { byLane, sockets, call } = await startLane({ answer: { text: 'a'.repeat(16 * 1024 * 1024) } });
  const { socket } = await call();
  socket.pause();
  socket.write(notify(1));
  await until('an answer that is under way', () => (sockets[0]?.writableLength ?? 0) > 0);
  const second = notify(2);
  const before = sockets[0]?.bytesRead ?? 0;
  socket.write(second);
  await until('the second request', () => sockets[0]?.bytesRead === before + second.length);
  const other = await call();
  other.socket.write(notify('other'));
  await until('an answer to another', () => other.answers() === 1);
  expect(byLane).toEqual([1, 'other']);
  socket.resume();
  await until('the second to be done', () => byLane.length === 3);
  expect(byLane).toEqual([1, 'other', 2]);
});

describe('the end of a lane', () => {
  test('does not wait for callers that keep their side open', async () => {
    let answer = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const { byLane, lane, server, call } = await startLane({ gate });
    const { socket, answers } = await call();
    socket.write(notify('asked'));
    await until('the request', () => byLane.length === 1);
    lane.close();
    const closed = once(server.close(), 'close');
    answer();
    await within('the end of all connections', closed, 3_000);
    await until('the answer', () => answers() === 1);
  });

  test('refuses who asks from then on, also on a connection that was served before, and ends it', async () => {
    const { byLane, lane, call } = await startLane();
    const { socket, state, answers } = await call();
    socket.write(notify('served'));
    await until('the answer', () => answers() === 1);
    lane.refuse(() => new Error('no more'));
    const other = await call();
    for (const one of [socket, other.socket]) one.write(notify('too late'));
    await until('the ends', () => state.ended && other.state.ended);
    for (const { received } of [state, other.state]) expect(received).toMatch(/Connection: close\r\n\r\n.*no more/);
    expect(byLane).toEqual(['served']);
  });

  test('can be made to wait no longer for answers that do not come', async () => {
    const { byLane, lane, server, call } = await startLane({ gate: new Promise(() => undefined) });
    const { socket } = await call();
    socket.write(notify('asked'));
    await until('the request', () => byLane.length === 1);
    lane.close();
    const closed = once(server.close(), 'close');
    lane.destroy();
    await within('the end of all connections', closed, 3_000);
  });

  test('takes no connection any more', async () => {
    const { lane, call } = await startLane();
    lane.close();
    const { state } = await call();
    await until('the end', () => state.ended);
  });
});
