import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { person, startChromium } from '../support/chromium.js';
import { startRelay } from '../support/relay.js';
import { onTeardown } from '../support/teardown.js';
import { clientToken } from '../support/tokens.js';
import { until } from '../support/until.js';
import {
  clientBundle,
  gaps,
  message,
  meta,
  type PageSetup,
  type PageSocket,
  type PageWorld,
  registered,
  type StageOptions,
  shown,
  shows,
  stageWith,
  stockServer,
  upTo,
} from './page-with-relay-client.js';

const CLIENTS = ['socket.io-client-4.0', 'socket.io-client-4.4.0', 'socket.io-client'];
const SOURCE = new URL('../../relay/client/relay-client.js', import.meta.url);

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium(['--host-resolver-rules=MAP www.shop.example 127.0.0.1']);
});

const stage = (setup: PageSetup, env = {}, options: StageOptions = {}) => stageWith(browser, setup, env, options);

// What the page script leaves on `window`, for the functions that run in the browser.
declare const socket: PageSocket;
declare const seen: PageWorld['seen'];
declare const sent: PageWorld['sent'];
declare const ready: PageWorld['ready'];
declare const registrations: PageWorld['registrations'];
declare const argumentCounts: PageWorld['argumentCounts'];
declare const connectPage: PageWorld['connectPage'];
declare const io: (url: string, options: object) => PageSocket;

describe.each(CLIENTS)('with %s', (client) => {
  test('a token in the page registers the socket, and handlers of every kind get exactly one argument', async () => {
    const { internal, visit } = await stage({ client, head: meta(clientToken(17)) });
    const { page, errors } = await visit();
    await page.evaluate(() => {
      const see =
        (kind: string) =>
        (...args: unknown[]) =>
          void seen.push([kind, args.length]);
      socket.on('receive_message', see('on'));
      socket.once('receive_message', see('once'));
      socket.addEventListener('receive_message', see('addEventListener'));
      socket.onAny((event: string, ...args: unknown[]) => event === 'receive_message' && see('onAny')(...args));
    });
    await internal.notify(message(1));
    await shows(page, [1]);
    expect(await page.evaluate(() => seen)).toEqual([
      ['onAny', 1],
      ['on', 1],
      ['once', 1],
      ['addEventListener', 1],
    ]);
    expect(errors).toEqual([]);
  });

  test('a token from data-token-url does too, as JSON and as plain text', async () => {
    for (const path of ['/token.json', '/token.txt']) {
      const { internal, visit } = await stage({ client, tokenUrl: path });
      const { page } = await visit();
      await internal.notify(message(1));
      await shows(page, [1]);
    }
  });

  test('what was sent while the line was cut is shown once and in order, again and again', async () => {
    const { internal, visit, line } = await stage({ client, head: meta(clientToken(17)) });
    const { page } = await visit();
    for (let round = 0; round < 4; round++) {
      await internal.notify(message(round * 10));
      await shows(page, upTo(round * 10));
      await line.refuse(page);
      for (let n = 1; n < 10; n++) await internal.notify(message(round * 10 + n));
      line.resume();
      await shows(page, upTo(round * 10 + 9));
    }
    expect(await gaps(page)).toEqual([]);
  });

  test('a message that was shown but whose confirmation was lost is not shown again', async () => {
    const { internal, visit, line } = await stage({ client, head: meta(clientToken(17)) });
    const { page } = await visit();
    for (let n = 0; n < 20; n++) {
      await internal.notify(message(n));
      await until(`message ${n}`, async () => (await shown(page)).includes(n));
      await line.cut(page);
    }
    await internal.notify(message(20));
    await shows(page, upTo(20));
  });

  test('a message that comes twice is shown once, by its event and id', async () => {
    const { internal, visit } = await stage({ client, head: meta(clientToken(17)) });
    const { page } = await visit();
    await internal.notify(message(1));
    await shows(page, [1]);
    // No relay sends these: a replay from an older place would be such a repeat.
    await page.evaluate(() => {
      const again = (event: string, id: number) =>
        socket.onpacket({ type: 2, nsp: '/', data: [event, { id }, { id: String(id), cursor: 'any' }] });
      again('receive_message', 1);
      again('message_sent', 1);
      again('receive_message', 9);
    });
    await shows(page, [1, 9]);
  });

  test('an inbox that no longer reaches back is told as relay:gap', async () => {
    const { internal, visit, line } = await stage({ client, head: meta(clientToken(17)) }, { RELAY_INBOX_LIMIT: 3 });
    const { page } = await visit();
    await internal.notify(message(0));
    await shows(page, [0]);
    await line.refuse(page);
    for (let n = 1; n <= 6; n++) await internal.notify(message(n));
    line.resume();
    const told = await until('relay:gap', async () => (await gaps(page))[0]);
    expect(told).toEqual({ user_id: '17', cursor: expect.any(String) });
    await internal.notify(message(7));
    await shows(page, [0, 7]);
  });

  test('a refused token is fetched anew, and the page comes back', async () => {
    const tokens = [clientToken(17, { expiresIn: -120 }), clientToken(17)];
    const { internal, visit, site } = await stage({ client, tokenUrl: '/token.json', token: () => tokens.shift() });
    const { page } = await visit();
    await internal.notify(message(1));
    await shows(page, [1]);
    expect(site.asked).toBe(2);
  });
});

test('a reload shows no repeats: the history of a new page is PHP’s', async () => {
  const { internal, visit } = await stage({ head: meta(clientToken(17)) });
  const { page } = await visit();
  await internal.notify(message(1));
  await shows(page, [1]);
  await page.reload();
  await registered(page);
  await internal.notify(message(2));
  await shows(page, [2]);
});

test('the cursor is kept in sessionStorage, for this user at this relay', async () => {
  const { internal, visit, line } = await stage({ head: meta(clientToken(17)) });
  const { page } = await visit();
  await internal.notify(message(1));
  await shows(page, [1]);
  const kept = await page.evaluate(() => Object.entries({ ...sessionStorage }));
  expect(kept).toEqual([[`relay:127.0.0.1:${line.port}/:17`, expect.stringMatching(/\[.+,".+"\]/)]]);
});

test('a page that replaces its socket after a drop misses nothing and repeats nothing', async () => {
  const { internal, visit, line } = await stage({ head: meta(clientToken(17)), options: { reconnection: false } });
  const { page } = await visit();
  await internal.notify(message(1));
  await shows(page, [1]);
  await line.refuse(page);
  await until('the drop', () => page.evaluate(() => !socket.connected));
  await internal.notify(message(2));
  line.resume();
  await page.evaluate(() => connectPage());
  await shows(page, [1, 2]);
});

test('a page without storage keeps working', async () => {
  const { internal, visit, line } = await stage({ head: meta(clientToken(17)) });
  const { page } = await visit((fresh) =>
    fresh.addInitScript(() => {
      const get = () => {
        throw new DOMException('blocked', 'SecurityError');
      };
      Object.defineProperty(window, 'sessionStorage', { get });
    }),
  );
  await internal.notify(message(1));
  await shows(page, [1]);
  await line.cut(page);
  await internal.notify(message(2));
  await shows(page, [1, 2]);
});

test('a page without the Socket.IO client is left in peace', async () => {
  const { visit } = await stage({ client: '', head: meta(clientToken(17)) }, {}, { register: false });
  const { page, errors } = await visit();
  expect(await page.evaluate(() => ready)).toBe('no io');
  expect(errors).toEqual([]);
});

test('two sockets of one page each get every message once', async () => {
  const { internal, visit, line } = await stage({ head: meta(clientToken(17)) });
  const { page } = await visit();
  await page.evaluate(() => connectPage());
  await until('both registered', () => page.evaluate(() => registrations.length >= 2));
  await internal.notify(message(1));
  await shows(page, [1, 1]);
  await line.cut(page);
  await internal.notify(message(2));
  await shows(page, [1, 1, 2, 2]);
});

test('a socket to another server is not handed the token, nor are its events touched', async () => {
  const other = await stockServer();
  const { visit } = await stage({ head: meta(clientToken(17)), relayHost: 'relay.example' }, {}, { register: false });
  const { page } = await visit();
  const said = await page.evaluate(async (url) => {
    const foreign = io(url, { forceNew: true });
    const auth = new Promise((resolve) => foreign.once('auth', resolve));
    const args = new Promise((resolve) => foreign.once('three', (...all: unknown[]) => resolve(all)));
    return { auth: await auth, args: await args };
  }, other);
  expect(said).toEqual({ auth: {}, args: ['a', { id: '1', cursor: 'c' }] });
});

test('a page of the web does not hand its token to what listens on its visitor’s own machine', async () => {
  const files: Record<string, string> = {
    '/': `<!doctype html>${meta(clientToken(17))}<script src="/client.js"></script><script src="/relay-client.js"></script>`,
    '/client.js': clientBundle('socket.io-client'),
    '/relay-client.js': readFileSync(SOURCE, 'utf8'),
  };
  const site = createServer(({ url = '' }, response) => {
    response.writeHead(200, { 'content-type': url === '/' ? 'text/html' : 'text/javascript' }).end(files[url]);
  }).listen(0, '127.0.0.1');
  onTeardown(() => site.close());
  await once(site, 'listening');
  const agent = await stockServer();
  const { page } = await person(browser);
  await page.goto(`http://www.shop.example:${(site.address() as AddressInfo).port}/`);
  const auth = await page.evaluate(
    (url) => new Promise((resolve) => io(url, { transports: ['websocket'] }).once('auth', resolve)),
    agent,
  );
  expect(auth).toEqual({});
});

test('a page whose token is never answered is known by its other proof before the relay loses patience', async () => {
  const { visit, relay } = await stage(
    { tokenUrl: '/hang', emits: 17 },
    { RELAY_IDENTITY: 'token,claim' },
    { register: false },
  );
  const { page } = await visit();
  await registered(page);
  expect(relay.logs.filter(({ msg }) => msg === 'disconnected')).toEqual([]);
});

test('autoConnect: false, auth set later, and auth as a function keep working', async () => {
  const { internal, visit } = await stage({ head: meta(clientToken(99)), options: { autoConnect: false } });
  const { page } = await visit(undefined, false);
  const own = clientToken(17);
  await page.evaluate((token) => {
    socket.auth = (send: (auth: object) => void) => setTimeout(() => send({ token, extra: 'kept' }), 20);
    socket.connect();
  }, own);
  await registered(page);
  expect(await page.evaluate(() => registrations[0])).toMatchObject({ ok: true, user_id: '17' });
  await internal.notify(message(1));
  await shows(page, [1]);
});

test('a page that gives a cursor or asks for meta itself gets the second argument', async () => {
  const { internal, visit } = await stage({ head: meta(clientToken(17)), options: { auth: { meta: true } } });
  const { page } = await visit();
  await internal.notify(message(1));
  await shows(page, [1]);
  expect(await page.evaluate(() => argumentCounts)).toEqual([2]);
});

test('a page that is believed by its claim registers again after a drop', async () => {
  const { internal, visit, line } = await stage({ emits: 17 }, { RELAY_IDENTITY: 'claim' });
  const { page } = await visit();
  await internal.notify(message(1));
  await shows(page, [1]);
  await line.refuse(page);
  await internal.notify(message(2));
  line.resume();
  await shows(page, [1, 2]);
});

test('a page that registers in its connect handler is not registered twice, and bridges a drop', async () => {
  const { internal, visit, line } = await stage({ onConnect: { userId: 17 } }, { RELAY_IDENTITY: 'claim' });
  const { page } = await visit();
  await internal.notify(message(1));
  await shows(page, [1]);
  await line.refuse(page);
  await internal.notify(message(2));
  line.resume();
  await shows(page, [1, 2]);
});

test('a token is handed over before it expires, without a new connection', async () => {
  const token = () => clientToken(17, { expiresIn: 4 });
  const { visit, site, internal } = await stage({ tokenUrl: '/token.json', token });
  const { page } = await visit();
  const id = await page.evaluate(() => socket.id);
  await until('a second and a third token', () => site.asked >= 3, 20_000);
  await internal.notify(message(1));
  await shows(page, [1]);
  expect(await page.evaluate(() => socket.id)).toBe(id);
  expect(await page.evaluate(() => sent.filter(([event]) => event === 'refresh_token').length)).toBeGreaterThan(0);
});

test('a page whose token could not be fetched is known as soon as it can be', async () => {
  const tokens = ['', clientToken(17)];
  const { visit, internal, site } = await stage({ tokenUrl: '/token.json', token: () => tokens.shift() });
  const { page } = await visit();
  expect(site.asked).toBe(2);
  await internal.notify(message(1));
  await shows(page, [1]);
});

test('a handler that throws does not stop the messages after it', async () => {
  const { internal, visit, line } = await stage({ head: meta(clientToken(17)) });
  const { page } = await visit();
  await page.evaluate(() => {
    socket.on('receive_message', ({ id }: { id: number }) => {
      if (id === 1) throw new Error('the page’s own');
    });
  });
  await internal.notify(message(1));
  await shows(page, [1]);
  await internal.notify(message(2));
  await line.cut(page);
  await internal.notify(message(3));
  await shows(page, [1, 2, 3]);
});

test('it is served for any site to load, with an ETag that answers 304', async () => {
  const relay = await startRelay();
  const first = await fetch(`${relay.url}/relay-client.js`);
  expect(first.status).toBe(200);
  expect(first.headers.get('content-type')).toMatch(/^(text|application)\/javascript/);
  expect(first.headers.get('cross-origin-resource-policy') ?? 'cross-origin').toBe('cross-origin');
  expect(await first.text()).toBe(readFileSync(SOURCE, 'utf8'));
  const etag = first.headers.get('etag') ?? '';
  // As a browser asks: Node's fetch would add `Cache-Control: no-cache` to it.
  const again = get(`${relay.url}/relay-client.js`, { headers: { 'If-None-Match': etag } });
  const [answer] = (await once(again, 'response')) as [IncomingMessage];
  answer.resume();
  expect(answer.statusCode).toBe(304);
});

test('it is at most 5 kB gzipped and needs no syntax after ES2017', () => {
  const source = readFileSync(SOURCE, 'utf8');
  expect(gzipSync(source).length).toBeLessThanOrEqual(5_000);
  expect(source).not.toMatch(/\?\.|\?\?|\.\.\.\w+ \}|catch \{|\beval\b|new Function/);
});
