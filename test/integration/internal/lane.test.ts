import { connect } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../../support/deployment.js';
import { startRedis } from '../../support/redis.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { openTcp, type Tcp } from '../../support/tcp.js';
import { onTeardown } from '../../support/teardown.js';
import { tempDir } from '../../support/temp.js';
import { internalToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

let relay: Relay;
let unixPath: string;
beforeAll(async () => {
  unixPath = join(await tempDir(), 'relay.sock');
  relay = await startRelay({ RELAY_INTERNAL_SOCKET: unixPath });
});

const LIVE = 'GET /health/live HTTP/1.1\r\nHost: relay\r\n\r\n';

function notify(id: string, more: readonly string[] = [], body = bodyOf(id), token = internalToken(body)): string {
  const own = ['Host: relay', `Authorization: Bearer ${token}`, `Content-Length: ${Buffer.byteLength(body)}`];
  return ['POST /notify HTTP/1.1', ...own, ...more, '', body].join('\r\n');
}

function bodyOf(id: string): string {
  return JSON.stringify({ recipients: [17], message: { id } });
}

/** Status and `id` or error code of each answer, in their order. */
function answersIn(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d+) [\s\S]*?\r\n\r\n(?:.*?"(?:id|code|status)":"(\w+)")?/g)].map(
    ([, status, what]) => `${status} ${what}`,
  );
}

const answers = (tcp: Tcp, count: number) =>
  until(`${count} answers`, () => answersIn(tcp.received).length >= count && answersIn(tcp.received));

describe('one connection of PHP', () => {
  test('is answered in order, whatever is asked on it at once', async () => {
    const tcp = await openTcp(relay.internalUrl);
    const [a, b, c] = [newId(), newId(), newId()];
    tcp.write(notify(a));
    tcp.write(notify(b));
    tcp.write(LIVE);
    tcp.write(notify(c));
    const [first, second, third = '', fourth] = await answers(tcp, 4);
    expect([first, second, fourth]).toEqual([`200 ${a}`, `200 ${b}`, `200 ${c}`]);
    expect(third).toMatch(/^200 /);
  });

  test('goes on after errors, and says each by its code', async () => {
    const tcp = await openTcp(relay.internalUrl);
    const id = newId();
    for (const request of [notify('', [], '{'), notify(id, [], bodyOf(id), 'x'), notify(id), notify(id)]) {
      const before = answersIn(tcp.received).length;
      tcp.write(request);
      await answers(tcp, before + 1);
    }
    expect(answersIn(tcp.received)).toEqual(['400 invalid_json', '401 token_invalid', `200 ${id}`, `200 ${id}`]);
    expect(tcp.received).toContain('"duplicate":true');
  });

  test('may bring a request in pieces, cut anywhere', async () => {
    for (const share of [0.01, 0.3, 0.6, 0.9, 0.99]) {
      const tcp = await openTcp(relay.internalUrl);
      const id = newId();
      const request = notify(id);
      const cut = Math.ceil(request.length * share);
      tcp.write(request.slice(0, cut));
      // its part has arrived once another connection that came later is served
      const other = await openTcp(relay.internalUrl);
      other.write(LIVE);
      await answers(other, 1);
      tcp.write(request.slice(cut));
      expect(await answers(tcp, 1)).toEqual([`200 ${id}`]);
    }
  });

  test('ends behind the answer where that is asked for', async () => {
    const tcp = await openTcp(relay.internalUrl);
    const id = newId();
    tcp.write(notify(id, ['Connection: close']));
    expect(answersIn(await tcp.closed)).toEqual([`200 ${id}`]);
    expect(tcp.received).toContain('Connection: close');
  });

  test('is answered though the caller has said that it sends no more', async () => {
    const id = newId();
    const { port, hostname } = new URL(relay.internalUrl);
    const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    onTeardown(() => socket.destroy());
    let received = '';
    const ended = new Promise((resolve) => socket.setEncoding('utf8').once('end', resolve));
    socket.on('data', (text: string) => {
      received += text;
    });
    socket.end(notify(id));
    await ended;
    expect(answersIn(received)).toEqual([`200 ${id}`]);
  });

  test('may be a Unix socket', async () => {
    const [a, b] = [newId(), newId()];
    const socket = connect(unixPath);
    onTeardown(() => socket.destroy());
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text;
    });
    socket.write(notify(a));
    await until('the first answer', () => answersIn(received).length === 1);
    socket.write(notify(b));
    await until('the second answer', () => answersIn(received).length === 2);
    expect(answersIn(received)).toEqual([`200 ${a}`, `200 ${b}`]);
  });

  test('is answered beyond ASCII by the right length', async () => {
    const tcp = await openTcp(relay.internalUrl);
    const body = JSON.stringify({ recipients: ['Jöns'], message: { id: newId() } });
    tcp.write(notify('', [], body));
    tcp.write(LIVE);
    await answers(tcp, 2);
    expect(Buffer.from(tcp.received, 'latin1').toString()).toContain('"offline":["Jöns"]');
  });
});

test('a relay that is told to stop answers first who has asked, and closes who has not', async () => {
  const redis = await startRedis();
  const stopping = await startRelay({ RELAY_REDIS_URL: redis.url });
  const [asking, silent] = await Promise.all([openTcp(stopping.internalUrl), openTcp(stopping.internalUrl)]);
  // what is connected may still have to be accepted, behind which a request on another connection would be served first
  asking.write(notify(newId()));
  await answers(asking, 1);
  const before = asking.received.length;
  redis.pause();
  const id = newId();
  asking.write(notify(id));
  // it has arrived once another that came later is served
  expect((await fetch(`${stopping.internalUrl}/health/live`)).status).toBe(200);
  stopping.signal('SIGTERM');
  expect(await silent.closed).toBe('');
  redis.resume();
  const answer = (await asking.closed).slice(before);
  expect(answersIn(answer)).toEqual([expect.stringMatching(`^(200 ${id}|503 store_unavailable)$`)]);
  expect(answer).toContain('Connection: close');
  expect(await stopping.exited).toMatchObject({ code: 0 });
});
