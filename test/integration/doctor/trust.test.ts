import { beforeAll, expect, test } from 'vitest';
import { type Relay, startRelay } from '../../support/relay.js';
import { examineChain } from './examination.js';
import { startNginx, UPGRADING } from './nginx.js';

const ORIGIN = 'http://www.example.org';
const MINUTES = 60_000;
let relay: Relay;

beforeAll(async () => {
  relay = await startRelay({ RELAY_ALLOWED_ORIGINS: ORIGIN });
});

test("the site's own pages pass and foreign ones do not", async () => {
  const seen = await examineChain(relay, {}, { env: { RELAY_ALLOWED_ORIGINS: 'http://localhost' } });
  expect(seen.text('origin')).toMatch(/^FAIL pages of http:\/\/localhost are refused on polling and WebSocket/);
  expect(seen.text('origin')).toContain('RELAY_ALLOWED_ORIGINS=http://localhost');
  expect(seen.text('foreign origin')).toMatch(/^ok pages of other sites are refused/);
  expect(seen.that('FAIL')).toEqual(['origin']);
});

test('a relay that takes pages of any site is told whom to name', async () => {
  const open = await startRelay({ RELAY_ALLOWED_ORIGINS: 'https://doctor.invalid' });
  const seen = await examineChain(open, { origin: 'http://localhost' });
  expect(seen.text('foreign origin')).toMatch(/^FAIL .*passes on polling and WebSocket\nRELAY_ALLOWED_ORIGINS=http/);
});

test.each([
  [
    'strips the header that lets a page read',
    'proxy_hide_header Access-Control-Allow-Origin;',
    'is missing',
    'proxy_hide_header',
  ],
  [
    'turns away what comes from a page',
    'if ($http_origin) { return 400; }',
    'polling (400) and WebSocket (400)',
    'Origin',
  ],
  [
    'turns away a page that comes over a WebSocket',
    'set $page "$http_origin$http_upgrade"; if ($page ~ websocket$) { set $page "$page $arg_sid"; } if ($page ~ "http.*websocket $") { return 429; }',
    'on WebSocket (429)',
    'Origin',
  ],
])('a proxy that %s is told, though all is well without an Origin', async (_what, line, words, mend) => {
  const { url } = await startNginx(`location / { ${line} proxy_pass ${relay.url}; ${UPGRADING} }`);
  const seen = await examineChain(relay, { url, origin: ORIGIN });
  expect(seen.text('origin')).toMatch(/^FAIL /);
  expect(seen.text('origin').split('\n')).toEqual([expect.stringContaining(words), expect.stringContaining(mend)]);
  expect(seen.that('FAIL')).toEqual(['origin']);
});

test('a page of the very origin of the relay needs no such header', async () => {
  const { url } = await startNginx(`
    location / { proxy_hide_header Access-Control-Allow-Origin; proxy_set_header Origin ${ORIGIN}; proxy_pass ${relay.url}; ${UPGRADING} }`);
  expect((await examineChain(relay, { url, origin: url })).text('origin')).toMatch(/^ok/);
});

test('another secret than the relay has is named as that', async () => {
  const env = { RELAY_SECRET: 'a-secret-of-somebody-else-0123456789' };
  const seen = await examineChain(relay, { origin: ORIGIN }, { env });
  expect(seen.text('token')).toMatch(
    /^FAIL RELAY_SECRET here is not the one that the relay runs with \(401 token_invalid/,
  );
  expect(seen.that('FAIL')).toEqual(['token']);
  expect(seen.text('notify')).toMatch(/^unchecked needs a token that the relay believes/);
  const none = await examineChain(relay, { origin: ORIGIN }, { env: { RELAY_SECRET: undefined } });
  expect(none.text('token')).toMatch(/^FAIL RELAY_SECRET is not set here.*\nRELAY_SECRET=…/);
});

test.each([
  ['ahead of', 10 * MINUTES, 'token_invalid: iat is'],
  ['behind', -10 * MINUTES, 'token_expired: exp was'],
])("a clock that is ten minutes %s the relay's is one FAIL, and hides no other", async (word, clockOff, said) => {
  const seen = await examineChain(relay, { origin: ORIGIN }, { clockOff });
  expect(seen.text('clock')).toMatch(new RegExp(`^FAIL this machine's is (599|600|601) s ${word} the relay's`));
  expect(seen.text('clock')).toContain(`the relay said ${said}`);
  expect(seen.text('clock')).toMatch(/server_time \d{4}-.*\ntimedatectl set-ntp true/);
  expect(seen.that('FAIL')).toEqual(['clock']);
  expect(seen.text('notify')).toMatch(/^ok/);
});

test('a page that is believed by its claim is checked by one; PHP sessions alone cannot be', async () => {
  const claiming = await startRelay({ RELAY_IDENTITY: 'claim' });
  const claim = await examineChain(claiming, {}, { env: { RELAY_IDENTITY: 'claim' } });
  expect(claim.text('notify')).toMatch(/^ok/);
  const env = { RELAY_IDENTITY: 'session', RELAY_BACKEND_URL: 'http://127.0.0.1:1/' };
  const session = await examineChain(claiming, {}, { env });
  expect(session.text('handshake')).toMatch(/^ok .*without a user/);
  expect(session.text('notify')).toMatch(/^unchecked RELAY_IDENTITY names neither token nor claim/);
});
