import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startIngress } from '../../legacy/ingress-server.js';
import { notifyByPhp } from '../../legacy/php.js';

/** Sends an upgrade by hand; resolves with the whole answer once the other side has closed. */
async function upgrade(
  port: number,
  headers: readonly string[],
  path = '/',
): Promise<{ answer: string; milliseconds: number }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const started = performance.now();
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
  const lines = [`GET ${path} HTTP/1.1`, 'Host: relay', 'Connection: Upgrade', 'Upgrade: websocket', key, ...headers];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let answer = '';
  socket.on('data', (data) => {
    answer += data.toString();
    // An accepted one stays open: what it answered is enough.
    if (answer.startsWith('HTTP/1.1 101')) socket.destroy();
  });
  await once(socket, 'close');
  return { answer, milliseconds: performance.now() - started };
}

const PHP = 'User-Agent: websocket-client-php';
const STOCK = '/socket.io/?EIO=4&transport=websocket';
const LOOPBACK = { remoteAddress: '::ffff:127.0.0.1' };

it.each([
  ['the user agent', [PHP]],
  ['Origin: *', ['Origin: *']],
  ['the user agent and an Origin', [PHP, 'Origin: https://site.example']],
])('a notifier known by %s is refused with 403 at once when its address is not listed', async (_by, headers) => {
  const relay = await startIngress({ allowed: [] });
  const { answer, milliseconds } = await upgrade(relay.port, headers);
  expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
  expect(answer).toContain('"code":"origin_refused"');
  expect(milliseconds).toBeLessThan(500);
});

it('the log of a refusal holds the line to paste, once a minute', async () => {
  const relay = await startIngress({ allowed: ['192.0.2.0/24'] });
  await upgrade(relay.port, [PHP]);
  await upgrade(relay.port, [PHP]);
  expect(relay.lines.map(({ message }) => message)).toEqual([
    expect.stringContaining('RELAY_LEGACY_NOTIFIERS=127.0.0.1'),
  ]);
});

it('a client library that spins on a bare close gets a clean exception', async () => {
  const relay = await startIngress({ allowed: [] });
  for (const library of ['phrity17', 'phrity22', 'textalk10', 'fsockopen']) {
    const result = await notifyByPhp({ library, style: 'eio4', ending: 'close', count: 1, server: relay.server });
    expect(result).toEqual({ status: 1, output: '1: refused: HTTP/1.1 403 Forbidden\n' });
  }
});

it('without an Origin, only a listed address is a notifier; a browser never is', async () => {
  const listed = await startIngress();
  const unlisted = await startIngress({ allowed: [] });
  const isNotifier = (ingress: typeof listed, headers: Record<string, string>, url = STOCK): boolean =>
    ingress.notifier.matches({ url, headers, socket: LOOPBACK } as never);
  expect(isNotifier(listed, {})).toBe(true);
  expect(isNotifier(unlisted, {})).toBe(false);
  expect(isNotifier(listed, { origin: 'https://site.example' })).toBe(false);
  expect(isNotifier(listed, { 'user-agent': 'websocket-client-php' }, `${STOCK}&sid=abc`)).toBe(false);
  expect(isNotifier(listed, { 'user-agent': 'ElephantIO/4.5' })).toBe(false);
  expect(isNotifier(listed, { 'user-agent': 'ElephantIO/4.5' }, '/elsewhere')).toBe(true);
});

/** As a proxy on the machine of an old notifier brings what anybody sends it. */
const PROXIED: [string, Record<string, string>][] = [
  ['X-Forwarded-For', { 'x-forwarded-for': '198.51.100.7' }],
  ['X-Forwarded-For that names the list', { 'x-forwarded-for': '127.0.0.1' }],
  ['an empty X-Forwarded-For', { 'x-forwarded-for': '' }],
  ['X-Forwarded-Proto alone', { 'x-forwarded-proto': 'https' }],
  ['X-Real-IP', { 'x-real-ip': '198.51.100.7' }],
  ['Forwarded', { forwarded: 'for=198.51.100.7' }],
  ['Via', { via: '1.1 proxy' }],
];

describe.each(PROXIED)('what a proxy that is not trusted brought with %s', (_header, headers) => {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);

  it('is no notifier of the list: refused, and the log has the hint', async () => {
    const relay = await startIngress();
    expect((await upgrade(relay.port, [PHP, ...lines])).answer).toMatch(/^HTTP\/1\.1 403 /);
    expect((await upgrade(relay.port, ['Origin: *', ...lines])).answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(relay.lines).toMatchObject([{ fields: { hint: expect.stringContaining('RELAY_TRUSTED_PROXIES') } }]);
    expect(relay.lines[0]?.message).not.toContain('RELAY_LEGACY_NOTIFIERS');
  });

  it('goes the stock way without an Origin, as ElephantIO does, and counts as no PHP', async () => {
    const { notifier, lines: told } = await startIngress();
    const asked = (agent: string) =>
      ({ url: STOCK, headers: { ...headers, 'user-agent': agent }, socket: LOOPBACK }) as never;
    expect(notifier.matches(asked(''))).toBe(false);
    expect(notifier.isStockNotifier(asked('ElephantIO/5.0'))).toBe(false);
    expect(told).toMatchObject([{ fields: { address: '127.0.0.1', hint: expect.any(String) } }]);
  });
});

it('a trusted proxy has to say for whom: then those of the list behind it are notifiers', async () => {
  const { notifier } = await startIngress({ allowed: ['127.0.0.1', '203.0.113.10'], trusted: ['127.0.0.1'] });
  const isNotifier = (headers: Record<string, string>): boolean =>
    notifier.matches({ url: STOCK, headers, socket: LOOPBACK } as never);
  expect(isNotifier({})).toBe(true);
  expect(isNotifier({ 'x-forwarded-for': '203.0.113.10', 'x-forwarded-proto': 'https', via: '1.1 proxy' })).toBe(true);
  expect(isNotifier({ 'x-forwarded-for': '127.0.0.1' })).toBe(true);
  expect(isNotifier({ 'x-forwarded-for': '198.51.100.7' })).toBe(false);
  expect(isNotifier({ 'x-forwarded-for': '127.0.0.1, 198.51.100.7' })).toBe(false);
  // a second proxy, on the machine of PHP, that is not declared
  expect(isNotifier({ 'x-forwarded-for': '198.51.100.7, 203.0.113.10' })).toBe(false);
  expect(isNotifier({ 'x-forwarded-for': 'unknown' })).toBe(false);
  expect(isNotifier({ 'x-real-ip': '198.51.100.7' })).toBe(false);
});

it('a handshake that is none is answered with an HTTP status too', async () => {
  const relay = await startIngress();
  expect((await upgrade(relay.port, [PHP, 'Sec-WebSocket-Version: 7'])).answer).toMatch(/^HTTP\/1\.1 400 /);
  expect((await upgrade(relay.port, [PHP, 'Sec-WebSocket-Version: 13'])).answer).toMatch(/^HTTP\/1\.1 101 /);
});

it('while it closes, new ones are told 503 and what came is handed over first', async () => {
  let release: (() => void) | undefined;
  const accepted: string[] = [];
  const relay = await startIngress({
    accept: async ({ text = '' }) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      accepted.push(text);
    },
  });
  const sent = notifyByPhp({ library: 'textalk16', style: 'flat', ending: 'exit', count: 1, server: relay.server });
  await expect.poll(() => release).toBeDefined();
  const closed = relay.notifier.close();
  expect((await upgrade(relay.port, [PHP, 'Sec-WebSocket-Version: 13'])).answer).toMatch(
    /^HTTP\/1\.1 503 .*Retry-After: 1/s,
  );
  release?.();
  await Promise.all([sent, closed]);
  expect(accepted).toEqual(['textalk16/flat/exit-1']);
});
