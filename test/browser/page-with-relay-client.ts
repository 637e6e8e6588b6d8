import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { Server } from 'socket.io';
import { expect } from 'vitest';
import { person } from '../support/chromium.js';
import { internalApi } from '../support/internal.js';
import { type Relay, type RelayEnv, startRelay } from '../support/relay.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { onTeardown } from '../support/teardown.js';
import { clientToken } from '../support/tokens.js';
import { until } from '../support/until.js';

const CURRENT = 'socket.io-client';
const require = createRequire(import.meta.url);

/** As much of the client's socket as the tests use. */
export interface PageSocket {
  id: string;
  connected: boolean;
  auth: unknown;
  connect(): void;
  on(event: string, handler: (...args: never[]) => void): void;
  once(event: string, handler: (...args: never[]) => void): void;
  addEventListener(event: string, handler: (...args: never[]) => void): void;
  onAny(handler: (...args: never[]) => void): void;
  onpacket(packet: object): void;
}

/** What the page script leaves on `window`. */
export interface PageWorld {
  shown: number[];
  seen: unknown[];
  sent: unknown[][];
  gaps: unknown[];
  ready: string;
  registrations: unknown[];
  argumentCounts: number[];
  connectPage(): void;
  onWebSocket(): boolean;
}

const PAGE_SCRIPT = `
  const setup = JSON.parse(document.body.dataset.setup);
  Object.assign(window, { shown: [], seen: [], sent: [], gaps: [], registrations: [], argumentCounts: [] });
  addEventListener('relay:gap', (event) => gaps.push(event.detail));
  window.connectPage = () => {
    const socket = (window.socket = io(setup.url, setup.options));
    socket.on('receive_message', (...args) => (shown.push(args[0].id), argumentCounts.push(args.length)));
    socket.on('registered', (answer) => registrations.push(answer));
    if (setup.onConnect) socket.on('connect', () => socket.emit('register_user', setup.onConnect));
    const emit = socket.emit;
    socket.emit = function (...args) { sent.push(args); return emit.apply(this, args); };
    if (setup.emits) socket.emit('register_user', setup.emits);
  };
  window.onWebSocket = () => {
    const { engine } = socket.io;
    return socket.connected && engine.transport.name === 'websocket' && !engine.upgrading;
  };
  window.ready = window.io ? 'io' : 'no io';
  if (window.io) connectPage();
`;

export interface PageSetup {
  client?: string;
  head?: string;
  tokenUrl?: string;
  token?: () => string | undefined;
  options?: object;
  emits?: unknown;
  onConnect?: unknown;
  /** The value of data-relay, where the page names one. */
  relayHost?: string;
}

export interface StageOptions {
  /** Whether `visit` waits until the page's socket is registered; it does unless told not to. */
  register?: boolean;
}

/** A relay behind a bad network, a site of another origin with one page, and visitors of it. */
export async function stageWith(browser: Browser, setup: PageSetup, env: RelayEnv, { register = true }: StageOptions) {
  const relay = await startRelay(env);
  const proxy = await startTcpProxy({ port: Number(new URL(relay.url).port) });
  const site = await servePage(relay, `http://127.0.0.1:${proxy.port}`, setup);
  const visit = async (prepare?: (page: Page) => Promise<unknown>, connects = register) => {
    const visitor = await person(browser);
    await prepare?.(visitor.page);
    await visitor.page.goto(site.url);
    if (connects) await registered(visitor.page);
    return visitor;
  };
  // A client of any version whose line breaks in the very moment of its upgrade stays with a paused polling transport
  // until its ping timeout. That is not what these tests are about, so the line breaks before or after it.
  const breakLine = (how: 'cut' | 'refuse') => async (page: Page) => {
    await until('the upgrade', () => page.evaluate(() => (window as unknown as PageWorld).onWebSocket()));
    proxy[how]();
  };
  const line = { port: proxy.port, cut: breakLine('cut'), refuse: breakLine('refuse'), resume: proxy.resume };
  return { relay, line, site, visit, internal: internalApi(relay) };
}

/** Another origin than the relay's, as a PHP site is, with a policy that allows nothing it does not name. */
async function servePage(relay: Relay, url: string, setup: PageSetup) {
  const site = { url: '', asked: 0 };
  const token = setup.token ?? (() => clientToken(17));
  const options = { reconnectionDelay: 50, reconnectionDelayMax: 150, ...setup.options };
  const data = JSON.stringify({ url, options, emits: setup.emits, onConnect: setup.onConnect });
  const files: Record<string, () => [type: string, body: string]> = {
    '/': () => ['text/html', html(relay, data, setup)],
    '/page.js': () => ['text/javascript', PAGE_SCRIPT],
    '/client.js': () => ['text/javascript', clientBundle(setup.client ?? CURRENT)],
    '/token.json': () => ['application/json', JSON.stringify({ token: next() })],
    '/token.txt': () => ['text/plain', `${next()}\n`],
  };
  const next = () => {
    site.asked++;
    return token();
  };
  const policy = `default-src 'none'; img-src data:; script-src 'self' ${relay.url}; connect-src 'self' ${url} ${url.replace('http', 'ws')} ${OTHER}`;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url === '/hang') return;
    const file = files[request.url ?? '']?.();
    response.writeHead(file ? 200 : 404, {
      'content-type': `${file?.[0] ?? 'text/plain'}; charset=utf-8`,
      'content-security-policy': policy,
    });
    response.end(file?.[1]);
  };
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTeardown(() => new Promise((resolve) => server.closeAllConnections() ?? server.close(resolve)));
  site.url = `http://127.0.0.1:${portOf(server.address())}/`;
  return site;
}

function html(relay: Relay, data: string, { client = CURRENT, head = '', tokenUrl, relayHost }: PageSetup): string {
  const attributes = [tokenUrl && `data-token-url="${tokenUrl}"`, relayHost && `data-relay="https://${relayHost}"`];
  return `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">${head}
    <body data-setup='${data}'>
    ${client && '<script src="/client.js"></script>'}
    <script src="${relay.url}/relay-client.js" ${attributes.filter(Boolean).join(' ')}></script>
    <script src="/page.js"></script>`;
}

const OTHER = 'http://127.0.0.1:* ws://127.0.0.1:*';

/** As a page includes it. */
export function clientBundle(name: string): string {
  const entry = require.resolve(name);
  const root = entry.slice(0, entry.lastIndexOf(`/${name}/`) + name.length + 2);
  return readFileSync(`${root}dist/socket.io.min.js`, 'utf8');
}

/** A Socket.IO server that is no relay, and tells what it was handed. Gives its URL. */
export async function stockServer(): Promise<string> {
  const http = createServer().listen(0, '127.0.0.1');
  const server = new Server(http, { cors: { origin: true } });
  server.on('connection', (peer) => {
    peer.emit('auth', peer.handshake.auth);
    peer.emit('three', 'a', { id: '1', cursor: 'c' });
  });
  await once(http, 'listening');
  onTeardown(() => server.close());
  return `http://127.0.0.1:${portOf(http.address())}`;
}

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export const meta = (token: string): string => `<meta name="relay-token" content="${token}">`;
export const upTo = (last: number): number[] => Array.from({ length: last + 1 }, (_, n) => n);

export function message(id: number): Record<string, unknown> {
  const content = { id, conversation_id: 5, sender_id: 3, content: `number ${id}`, sent_at: '2025-05-28 10:00:00' };
  return { recipients: [17], message: content };
}

export const shown = (page: Page): Promise<number[]> => page.evaluate(() => (window as unknown as PageWorld).shown);
export const gaps = (page: Page): Promise<unknown[]> => page.evaluate(() => (window as unknown as PageWorld).gaps);

export const registered = (page: Page) =>
  until('the registration', () =>
    page.evaluate(() =>
      (window as unknown as PageWorld).registrations.some((answer) => (answer as { ok: boolean }).ok),
    ),
  );

/** Exactly these, in this order: one shown twice is seen here because what follows it comes on the same path. */
export async function shows(page: Page, ids: number[]): Promise<void> {
  await until(`${ids.length} messages`, async () => (await shown(page)).length >= ids.length).catch(() => undefined);
  expect(await shown(page)).toEqual(ids);
}
