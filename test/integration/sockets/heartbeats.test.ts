import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeEvent } from '../../../relay/messages/packet.js';
import { createSocketPipes, type SocketPipe } from '../../../relay/sockets/pipe.js';
import { frame, openRawWebSocket } from '../../support/tcp.js';
import { onTeardown } from '../../support/teardown.js';
import { until } from '../../support/until.js';

/** Milliseconds; the relay's own heartbeat takes 15 s and waits as long. */
const QUICK = { pingInterval: 100, pingTimeout: 20_000 };
/** Its first one leaves a busy machine the time to do something before it. */
const LATE = { pingInterval: 1_000, pingTimeout: 500 };
const NOOP = frame('6');
const PING = '\x81\x012';

interface Beating {
  readonly pipe: SocketPipe;
  /** The numbers of the pings that went out, and of those that were answered. */
  readonly sent: readonly number[];
  readonly answered: readonly number[];
  /** Why it ended, once it has. */
  readonly ended: Promise<string>;
}

/** Engine.IO with the relay's pipes on its connections. */
async function startServer(heartbeat: typeof QUICK) {
  const http = createServer();
  const io = new Server(http, heartbeat);
  const createPipe = createSocketPipes({ limit: 1_000_000, onSlow: () => undefined, cork: () => undefined });
  const arrivals: Beating[] = [];
  io.engine.on('connection', (conn: SocketPipe['conn']) => {
    const pipe = createPipe('a page', conn);
    const sent: number[] = [];
    const answered: number[] = [];
    const ended = once(conn, 'close').then(([reason]) => reason as string);
    pipe.onPings(
      { sent: () => sent.push(sent.length + 1), answered: (_by, number) => answered.push(number) },
      undefined,
    );
    arrivals.push({ pipe, sent, answered, ended });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  onTeardown(() => io.close());
  const arrived = (): Beating => {
    const arrival = arrivals.pop();
    if (arrival === undefined) throw new Error('nobody arrived');
    return arrival;
  };
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, arrived };
}

let quick: Awaited<ReturnType<typeof startServer>>;
let late: typeof quick;
beforeAll(async () => {
  [quick, late] = await Promise.all([startServer(QUICK), startServer(LATE)]);
});

async function open({ url, arrived } = quick) {
  const tcp = await openRawWebSocket(url, '/socket.io/?EIO=4&transport=websocket');
  const arrival = arrived();
  let taken = 0;
  /** Waits for the next ping. */
  const pinged = async () => {
    taken += 1;
    await until(`ping ${taken}`, () => tcp.received.split(PING).length > taken);
  };
  return { ...arrival, tcp, pinged };
}

describe('over a WebSocket', () => {
  test.each<[string, () => readonly Uint8Array[]]>([
    ['by itself', () => [frame('3')]],
    ['with what the page says behind it', () => [Buffer.concat([frame('3'), NOOP])]],
    ['with what the page says before it', () => [Buffer.concat([NOOP, frame('3')])]],
    ['in two fragments', () => [frame('3', { final: false }), frame('', { opcode: 0 })]],
  ])('a heartbeat that is answered %s is followed by the next', async (_how, pong) => {
    const { tcp, pinged, sent, answered, pipe } = await open();
    for (let beat = 1; beat <= 5; beat++) {
      await pinged();
      expect([sent.length, answered.length]).toEqual([beat, beat - 1]);
      for (const bytes of pong()) tcp.write(bytes);
      await until('its answer', () => answered.length === beat);
    }
    expect(answered).toEqual(sent);
    expect(pipe.conn.readyState).toBe('open');
  });

  test('one that is not answered ends the connection when its time is up', async () => {
    const began = performance.now();
    const { ended, sent, answered } = await open(late);
    expect(await ended).toBe('ping timeout');
    // timers of Node may be a millisecond early, each
    expect(performance.now() - began).toBeGreaterThan(LATE.pingInterval + LATE.pingTimeout - 5);
    expect([sent, answered]).toEqual([[1], []]);
  });

  test('neither is one a pong that came before it answered', async () => {
    const { tcp, pinged, ended, answered } = await open(late);
    tcp.write(frame('3'));
    await pinged();
    expect(await ended).toBe('ping timeout');
    expect(answered).toEqual([]);
  });

  test('answers are told to whoever asked, in the order of pings behind messages and heartbeats', async () => {
    const { tcp, pinged, sent, answered, pipe } = await open();
    pipe.send(encodeEvent('receive_message', '{"id":1}'), true);
    await pinged();
    await pinged();
    pipe.send(encodeEvent('receive_message', '{"id":2}'), true);
    await pinged();
    expect([sent, answered]).toEqual([[1, 2, 3], []]);
    for (const number of [1, 2, 3]) {
      tcp.write(frame('3'));
      await until(`answer ${number}`, () => answered.length >= number);
      expect(answered).toHaveLength(number);
    }
    expect(answered).toEqual([1, 2, 3]);
  });

  test('they wait their turn behind what the kernel does not take', async () => {
    const { tcp, pinged, pipe, sent } = await open(late);
    const socket = (pipe.conn.transport as unknown as { socket: { _socket: { cork(): void; uncork(): void } } }).socket;
    socket._socket.cork();
    pipe.send(encodeEvent('receive_message', '{"id":1}'));
    await until('the heartbeat to be written', () => sent.length === 1);
    socket._socket.uncork();
    await pinged();
    expect(tcp.received.indexOf('"id":1')).toBeLessThan(tcp.received.indexOf(PING));
  });
});

test('over polling heartbeats go and are answered with the polls', async () => {
  const base = `${quick.url}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1)) as { sid: string };
  const { sent, answered } = quick.arrived();
  for (let beat = 1; beat <= 3; beat++) {
    expect(await (await fetch(`${base}&sid=${sid}`)).text()).toBe('2');
    await fetch(`${base}&sid=${sid}`, { method: 'POST', body: '3' });
    expect(answered).toHaveLength(beat);
  }
  expect(answered).toEqual(sent);
});

test('a heartbeat that is under way at the upgrade, and answered over the WebSocket, is followed by the next', async () => {
  const { url, arrived } = quick;
  const base = `${url}/socket.io/?EIO=4&transport=polling`;
  const poll = async (sid: string) => (await fetch(`${base}&sid=${sid}`)).text();
  const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1)) as { sid: string };
  const { sent, answered, pipe } = arrived();
  expect(await poll(sid)).toBe('2');
  const tcp = await openRawWebSocket(url, `/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
  tcp.write(frame('2probe'));
  await until('the answer to the probe', () => tcp.received.includes('3probe'));
  tcp.write(frame('5'));
  await until('the upgrade', () => pipe.conn.transport.name === 'websocket');
  tcp.write(frame('3'));
  await until('its answer', () => answered.length === 1);
  await until('the next', () => sent.length === 2);
});
