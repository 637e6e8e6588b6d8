import { chmod, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { tap } from '../../browser/wire.js';
import { person, startChromium } from '../../support/chromium.js';
import { type ClientOptions, connectAs } from '../../support/client.js';
import { newId, newUser } from '../../support/deployment.js';
import { type Internal, internalApi } from '../../support/internal.js';
import { freePort } from '../../support/ports.js';
import { startReadmeApache, startReadmeNginx, type WebServer } from '../../support/proxies.js';
import { block, replaced, section } from '../../support/readme.js';
import { startRelay } from '../../support/relay.js';
import { tempDir } from '../../support/temp.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';
import { selfSigned } from '../doctor/certificates.js';

const PROXIES = { nginx: startReadmeNginx, Apache: startReadmeApache };
const TRANSPORTS: readonly [string, readonly string[], string][] = [
  ['polling, then WebSocket', ['polling', 'websocket'], 'websocket'],
  ['WebSocket alone', ['websocket'], 'websocket'],
  ['polling alone', ['polling'], 'polling'],
];

let browser: Browser;

beforeAll(async () => {
  browser = await startChromium(['--ignore-certificate-errors']);
});

describe.each(['nginx', 'Apache'] as const)("the README's %s", (name) => {
  let proxy: WebServer;
  let api: Internal;
  let ca: string;
  let site: { url: string; root: string };

  beforeAll(async () => {
    const [tls, root, port] = [await selfSigned(), await tempDir(), await freePort()];
    // the server may read it as somebody else
    await chmod(root, 0o755);
    proxy = await PROXIES[name]({ relays: [port], tls, root });
    ca = await readFile(tls.cert, 'utf8');
    site = { url: `https://localhost:${proxy.port}`, root };
    const env = { NODE_ENV: 'production', RELAY_ALLOWED_ORIGINS: site.url, RELAY_PORT: port };
    api = internalApi(await startRelay({ ...env, ...settingsBehindProxy() }));
  });

  const visit = (user: string, options: ClientOptions = {}) => connectAs(site, clientToken(user), { ca, ...options });
  const socketsOf = async (user: string): Promise<unknown> =>
    ((await api.get(`/users/${user}`)).body as { sockets: unknown }).sockets;

  test('passes the check of the program itself without a warning', () => {
    expect(proxy.checked.code).toBe(0);
    expect(proxy.checked.output).toMatch(/syntax (is )?ok/i);
    expect(proxy.checked.output).not.toMatch(/warn|deprecated/i);
  });

  test.each(TRANSPORTS)('carries messages both ways over %s', async (_how, transports, last) => {
    const [mira, jonas] = [newUser(), newUser()];
    const options = { transports: [...transports], extraHeaders: { origin: site.url } };
    const [hers, his] = [await visit(mira, options), await visit(jonas, options)];
    for (const page of [hers, his]) await until(last, () => page.socket.io.engine.transport.name === last);

    const message = { id: newId(), conversation_id: newId(), sender_id: mira, content: 'hi' };
    const recipients = [mira, jonas];
    expect(await api.notify({ recipients, message })).toMatchObject({ status: 200, body: { duplicate: false } });
    expect((await his.next('receive_message'))[0]).toMatchObject(message);
    expect((await hers.next('message_sent'))[0]).toMatchObject({ success: true, message });
    his.emit('typing', { conversation_id: message.conversation_id, is_typing: true });
    expect((await hers.next('user_typing'))[0]).toMatchObject({ user_id: jonas });
  });

  test("carries a page with the README's two scripts in Chromium", async () => {
    const user = newUser();
    await writeFile(join(site.root, 'index.html'), page(site.url, clientToken(user)));
    const { page: tab, errors } = await person(browser);
    const wire = tap(tab);
    await tab.goto(site.url);
    await tab.locator('[data-user]').waitFor();
    await until('the upgrade', () => wire.live);
    const conversation = newId();
    const other = await visit(newUser());
    const recipients = [user, String((other.registered as { user_id: unknown }).user_id)];
    await api.notify({ recipients, message: { id: newId(), conversation_id: conversation, content: 'for the page' } });
    await tab.getByText('for the page').waitFor();
    await tab.evaluate(`window.say(${conversation})`);
    expect((await other.next('user_typing'))[0]).toMatchObject({ user_id: user });
    expect(errors).toEqual([]);
  });

  test('tells the relay who the client is, and a client cannot say otherwise', async () => {
    const user = newUser();
    const elsewhere = { localAddress: '127.0.0.9', extraHeaders: { 'x-forwarded-for': '198.51.100.7' } };
    await visit(user, { transports: ['websocket'], ...elsewhere });
    expect(await socketsOf(user)).toMatchObject([{ address: '127.0.0.9' }]);
  });

  test('leads nobody to the internal API', async () => {
    const named = [...section('Connect PHP').matchAll(/`(?:GET|POST) (\/[^` ]*)`/g)].map(([, path]) => path ?? '');
    const paths = named.filter((path) => path !== '/');
    expect(paths).toContain('/notify');
    for (const path of paths.flatMap((one) => [one, `/socket.io/..${one}`, `/socket.io/%2e%2e${one}`])) {
      for (const method of ['GET', 'POST']) {
        expect([400, 404, 405], `${method} ${path}`).toContain(await status(`${site.url}${path}`, method, ca));
      }
    }
  });

  test('is more patient than a heartbeat and its answer take, and than the 60 s it would have by itself', async () => {
    const { socket } = await visit(newUser(), { transports: ['polling'] });
    const { pingInterval, pingTimeout } = socket.io.engine as unknown as Record<string, number>;
    const [, seconds] = /(?:proxy_read_timeout|ProxyTimeout) (\d+)/.exec(block(name, name.toLowerCase())) ?? [];
    expect(Number(seconds) * 1_000).toBeGreaterThan((pingInterval ?? Infinity) + (pingTimeout ?? Infinity));
    expect(Number(seconds)).toBeGreaterThan(60);
  });
});

/** What the README has the relay run with behind a proxy. */
function settingsBehindProxy(): Record<string, string> {
  const found = [...section('nginx').matchAll(/`(RELAY_\w+)=([^`]+)`/g)];
  const settings = Object.fromEntries(found.map(([, variable = '', value = '']) => [variable, value]));
  expect(Object.keys(settings)).toEqual(['RELAY_HOST', 'RELAY_TRUSTED_PROXIES']);
  return settings;
}

function page(url: string, token: string): string {
  const scripts = replaced(block('Connect the page', 'html'), [['https://HOST:3000', url]]);
  return `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><meta name="relay-token" content="${token}">
${scripts}<script>
  const socket = io('${url}');
  socket.on('registered', ({ user_id }) => { document.body.dataset.user = user_id; });
  socket.on('receive_message', ({ content }) => document.body.append(content));
  window.say = (conversation_id) => socket.emit('typing', { conversation_id, is_typing: true });
</script><body>a page</body>`;
}

/** The path goes out as it is: `fetch` would resolve its dots. */
function status(url: string, method: string, ca: string): Promise<number | undefined> {
  const { hostname, port, origin } = new URL(url);
  const asked = { hostname, port, path: url.slice(origin.length), method, ca };
  return new Promise((resolve, reject) => {
    const sent = request(asked, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.once('error', reject).end();
  });
}
