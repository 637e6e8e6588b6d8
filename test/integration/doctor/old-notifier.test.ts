import { beforeAll, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { internalApi } from '../../support/internal.js';
import { freePort } from '../../support/ports.js';
import { startApache } from '../../support/proxies.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';
import { type Examination, examineChain } from './examination.js';
import { startNginx, UPGRADING } from './nginx.js';

const LISTED = { RELAY_LEGACY_NOTIFIERS: '127.0.0.1' };
let relay: Relay;

beforeAll(async () => {
  relay = await startRelay(LISTED);
});

async function behindNginx(line: string): Promise<Examination> {
  const { url } = await startNginx(`location / { proxy_pass ${relay.url}; ${UPGRADING} ${line} }`);
  return examineChain(relay, { url }, { env: LISTED });
}

async function behindApache(line: string): Promise<Examination> {
  const port = await freePort();
  const proxied = `ProxyPass /socket.io/ ${relay.url}/socket.io/ upgrade=websocket`;
  await startApache(`<VirtualHost 127.0.0.1:${port}>\n${line}\n${proxied}\n</VirtualHost>`, port);
  return examineChain(relay, { url: `http://127.0.0.1:${port}` }, { env: LISTED });
}

test.each([
  ['nginx', behindNginx, ''],
  ['Apache', behindApache, 'ProxyAddHeaders Off'],
])('an %s that brings anybody as itself is found, and mended by the line that is shown', async (name, behind, line) => {
  const page = await connectAs(relay, clientToken(17));
  const seen = await behind(line);
  expect(seen.text('old notifier')).toMatch(/^FAIL anybody may send messages as PHP: the relay took 127\.0\.0\.2 for/);
  expect(seen.that('FAIL')).toEqual(['old notifier']);
  await internalApi(relay).notify({ recipients: [17], message: { id: name } });
  await page.next('receive_message');
  expect(page.all('receive_message')).toEqual([[{ id: name }]]);
  const { mend = [] } = seen.findings.find(({ check }) => check === 'old notifier') ?? {};
  const mended = await behind(mend[mend.indexOf(`# ${name}`) + 1] ?? '');
  expect(mended.text('old notifier')).toMatch(/^ok nobody is taken for PHP who is not listed/);
  expect(mended.that('FAIL')).toEqual([]);
});

test('a relay without a proxy is no such finding, though this machine is listed', async () => {
  const seen = await examineChain(relay, {}, { env: LISTED });
  expect(seen.text('old notifier')).toMatch(/^ok/);
});

test('who is listed himself cannot tell, and is sent elsewhere', async () => {
  const env = { RELAY_LEGACY_NOTIFIERS: '127.0.0.0/8' };
  const seen = await examineChain(await startRelay(env), {}, { env });
  expect(seen.text('old notifier')).toMatch(/^unchecked 127\.0\.0\.2 is one of RELAY_LEGACY_NOTIFIERS: run it by the/);
});

test('where it is not known who is listed, a door that opens proves nothing', async () => {
  const { url } = await startNginx(`location / { proxy_pass ${relay.url}; ${UPGRADING} }`);
  const seen = await examineChain(relay, { url });
  expect(seen.text('old notifier')).toMatch(/^unchecked the relay took 127\.0\.0\.2 .* is not set here/);
});

test('the port of the relay itself, to which others of this machine may come by another address, proves nothing', async () => {
  const wide = await startRelay({ RELAY_LEGACY_NOTIFIERS: '127.0.0.0/8' });
  const seen = await examineChain(wide, {}, { env: { ...LISTED, RELAY_PORT: new URL(wide.url).port } });
  expect(seen.text('old notifier')).toMatch(/^unchecked 127\.0\.0\.1:\d+ is the relay itself: give --url/);
});

test('a proxy that answers in place of the relay proves nothing', async () => {
  const seen = await behindNginx('if ($http_user_agent ~ websocket-client-php) { return 403; }');
  expect(seen.text('old notifier')).toMatch(/^unchecked nginx answered 403, and did not ask the relay/);
});
