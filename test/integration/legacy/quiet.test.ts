import { once } from 'node:events';
import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { startIngress } from '../../legacy/ingress-server.js';
import { onTeardown } from '../../support/teardown.js';

const EIO4 = '/socket.io/?EIO=4&transport=websocket';
const EIO3 = '/socket.io/?EIO=3&transport=websocket';
const message = { event: 'send_message', data: { to: 17, text: 'hi' } };

interface Client {
  send(data: string | Buffer): void;
  /** Texts, in order, with when they came. */
  readonly heard: { text: string; at: number }[];
  readonly opened: number;
  readonly ws: WebSocket;
  hear(count: number): Promise<string[]>;
}

async function open(server: string, path: string): Promise<Client> {
  const ws = new WebSocket(`ws://${server}${path}`, { perMessageDeflate: false });
  onTeardown(() => ws.terminate());
  const heard: Client['heard'] = [];
  ws.on('message', (data) => heard.push({ text: String(data), at: performance.now() }));
  await once(ws, 'open');
  return {
    ws,
    heard,
    opened: performance.now(),
    send: (data) => ws.send(data),
    async hear(count) {
      await expect.poll(() => heard.length).toBe(count);
      return heard.map(({ text }) => text);
    },
  };
}

describe('nothing is written', () => {
  it('until a client that says nothing had time to begin', async () => {
    const { server } = await startIngress();
    const client = await open(server, EIO4);
    expect(await client.hear(1)).toEqual([
      expect.stringMatching(/^0\{"sid":"[\w-]{20}","upgrades":\[\],"pingInterval":/),
    ]);
    expect((client.heard[0]?.at ?? 0) - client.opened).toBeGreaterThan(24);
  });

  it('until 25 ms after the last frame, however many come before', async () => {
    const { server, notifies } = await startIngress();
    const client = await open(server, EIO4);
    client.send('40');
    for (let n = 0; n < 5; n += 1) {
      await delay(15);
      client.send(`42${n}["send_message",{"to":17,"text":"${n}"}]`);
    }
    const last = performance.now();
    const heard = await client.hear(7);
    expect(heard.map((text) => text.replace(/\{"sid.*/, ''))).toEqual([
      '0',
      '40',
      ...[0, 1, 2, 3, 4].map((n) => `43${n}[{"ok":true}]`),
    ]);
    expect((client.heard[0]?.at ?? 0) - last).toBeGreaterThan(24);
    expect(notifies.map(({ text }) => text)).toEqual(['0', '1', '2', '3', '4']);
  });

  it('at all to plain JSON, but for one answer', async () => {
    const { server, notifies } = await startIngress();
    const client = await open(server, '/');
    await delay(100);
    client.send(JSON.stringify(message));
    client.send(JSON.stringify({ ...message, data: { to: 17, text: 'again' } }));
    expect(await client.hear(1)).toEqual(['{"ok":true}']);
    client.send('2');
    expect(await client.hear(2)).toEqual(['{"ok":true}', '3']);
    expect(notifies).toHaveLength(2);
  });
});

it('each Engine.IO version is answered in its own words', async () => {
  const { server } = await startIngress();
  const old = await open(server, EIO3);
  expect((await old.hear(2))[1]).toBe('40');
  old.send('40/chat,');
  old.send('42/chat,5["send_message",{"to":17,"text":"hi"}]');
  expect((await old.hear(4)).slice(2)).toEqual(['40/chat', '43/chat,5[{"ok":true}]']);
  const today = await open(server, EIO4);
  await today.hear(1);
  today.send('40/chat,');
  expect((await today.hear(2))[1]).toMatch(/^40\/chat,\{"sid":"/);
});

it('what went wrong is told to those who ask', async () => {
  const { server } = await startIngress();
  const client = await open(server, EIO4);
  client.send('427["send_message",{"text":"hi"}]');
  expect((await client.hear(2))[1]).toMatch(/^437\[\{"ok":false,"error":\{"code":"invalid_payload"/);
});

describe('odd senders', () => {
  it('in Latin-1 arrive', async () => {
    const { server, notifies } = await startIngress();
    const client = await open(server, '/');
    client.ws.send(Buffer.from('{"to":17,"text":"Gr\xfc\xdfe"}', 'latin1'), { binary: false });
    await expect.poll(() => notifies.map(({ text }) => text)).toEqual(['Grüße']);
  });

  it('of thousands at once are all taken, in order', async () => {
    const { server, notifies } = await startIngress();
    const client = await open(server, '/');
    for (let n = 0; n < 3_000; n += 1) client.send(JSON.stringify({ to: 17, text: `${n}` }));
    client.ws.close();
    await expect.poll(() => notifies.length).toBe(3_000);
    expect(notifies.map(({ text }) => Number(text))).toEqual(Array.from({ length: 3_000 }, (_, n) => n));
  });

  it('of too much are closed with 1009, and the log tells', async () => {
    const { server, lines } = await startIngress({ maxPayload: 1_024 });
    const client = await open(server, '/');
    client.send(JSON.stringify({ to: 17, text: 'x'.repeat(2_000) }));
    const [code] = await once(client.ws, 'close');
    expect(code).toBe(1009);
    expect(lines.map(({ fields }) => fields.why)).toContain('Max payload size exceeded');
  });

  it('that leave in the middle of a message are told in the log', async () => {
    const { server, port, lines } = await startIngress();
    const socket = createConnection(port, '127.0.0.1');
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: *\r\n` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
    await once(socket, 'data');
    socket.end(Buffer.from([0x01, 0x85, 1, 2, 3, 4, 5, 6]));
    await expect
      .poll(() => lines.map(({ fields }) => fields.why))
      .toContain('connected and left without a whole message');
  });
});
