import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { onTeardown } from './teardown.js';
import { until, within } from './until.js';

export type Headers = Record<string, string>;

/**
 * An unmodified page seen from the wire, for what socket.io-client in Node hides: that XHR carries no cookies and the
 * WebSocket upgrade does, and what the 101 response sets.
 */
export interface RawPage {
  /** The `Set-Cookie` of the 101 response. */
  readonly setCookie: string | undefined;
  /** Every event, as `[name, ...args]`. */
  readonly events: readonly (readonly unknown[])[];
  /** How many pings have come, each of which it answers. */
  readonly pings: number;
  emit(event: string, ...args: unknown[]): void;
  /** The first argument of the event, number `count` of its name. */
  next(event: string, count?: number): Promise<unknown>;
  close(): void;
  /** Without a goodbye, as a lost network ends. */
  drop(): void;
}

export interface RawPageOptions {
  readonly before?: readonly (readonly unknown[])[];
  /** What is done before the upgrade. */
  readonly meanwhile?: () => Promise<unknown>;
  readonly headers?: Headers;
  /** What XHR carries as well: cookies, from a page of the relay's own origin. */
  readonly polling?: Headers;
}

/** Polls first and says `before` over polling, then upgrades with these headers. */
export async function openRawPage(
  relay: { url: string },
  { before = [], meanwhile = async () => undefined, headers = {}, polling = {} }: RawPageOptions = {},
): Promise<RawPage> {
  const base = `${relay.url}/socket.io/?EIO=4&transport=polling`;
  const opened = await (await fetch(base, { headers: polling })).text();
  const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
  const poll = async () => (await (await fetch(`${base}&sid=${sid}`, { headers: polling })).text()).split('\x1e');
  const post = (body: string) => fetch(`${base}&sid=${sid}`, { method: 'POST', body, headers: polling });
  await post('40');
  const early = await poll();
  for (const said of before) await post(`42${JSON.stringify(said)}`);
  await meanwhile();
  const line = await dial(relay, `&sid=${sid}`, headers);
  line.send('2probe');
  await until('the answer to the probe', () => line.packets.includes('3probe'));
  // the relay ends a poll once the probe has come, as the page's own is ended
  early.push(...(await poll()));
  line.send('5');
  for (const packet of early) if (packet === '2') line.send('3');
  return pageOver(line, early);
}

/** WebSocket from the start, with these headers; says `first` at once when it is connected, as a page's buffer does. */
export async function openRawSocket(
  relay: { url: string },
  headers: Headers = {},
  first: readonly (readonly unknown[])[] = [],
): Promise<RawPage> {
  const line = await dial(relay, '', headers, first);
  line.send('40');
  // an event before it would be an event of nobody, and ends the connection
  await until('the Socket.IO connect', () => line.packets.some((packet) => packet.startsWith('40')));
  return pageOver(line, []);
}

/** What an upgrade request is answered when it is refused: never a bare close. */
export async function refusedUpgrade(url: string, headers: Headers = {}): Promise<IncomingMessage> {
  const request = httpRequest(url, {
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve);
    request.once('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response);
    });
    request.once('error', reject);
  });
  request.end();
  const response = await within(`an answer to the upgrade of ${url}`, answered, 5_000);
  response.resume();
  return response;
}

interface Line {
  readonly packets: readonly string[];
  readonly setCookie: string | undefined;
  send(packet: string): void;
  close(): void;
  drop(): void;
}

async function dial(
  relay: { url: string },
  query: string,
  headers: Headers,
  first: readonly (readonly unknown[])[] = [],
): Promise<Line> {
  const url = `${relay.url.replace(/^http/, 'ws')}/socket.io/?EIO=4&transport=websocket${query}`;
  const ws = new WebSocket(url, { headers });
  onTeardown(() => ws.terminate());
  const packets: string[] = [];
  let setCookie: string | undefined;
  ws.once('upgrade', (response: IncomingMessage) => {
    setCookie = response.headers['set-cookie']?.[0];
  });
  ws.on('message', (data) => {
    const packet = String(data);
    packets.push(packet);
    if (packet === '2') ws.send('3');
    if (packet.startsWith('40')) for (const said of first) ws.send(`42${JSON.stringify(said)}`);
  });
  await within('the upgrade', once(ws, 'open'), 5_000);
  return {
    packets,
    setCookie,
    send: (packet) => ws.send(packet),
    close: () => ws.close(),
    drop: () => ws.terminate(),
  };
}

function pageOver({ packets, setCookie, send, close, drop }: Line, early: readonly string[]): RawPage {
  const all = () => [...early, ...packets];
  const events = (): unknown[][] =>
    all()
      .filter((packet) => packet.startsWith('42'))
      .map((packet) => JSON.parse(packet.slice(2)));
  return {
    setCookie,
    get events() {
      return events();
    },
    get pings() {
      return all().filter((packet) => packet === '2').length;
    },
    emit: (...event) => send(`42${JSON.stringify(event)}`),
    next: async (event, count = 1) =>
      (await until(`${event} number ${count}`, () => events().filter(([name]) => name === event)[count - 1], 5_000))[1],
    close,
    drop,
  };
}
