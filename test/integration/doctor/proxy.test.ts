import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../../support/ports.js';
import { startApache } from '../../support/proxies.js';
import { sharedRedis } from '../../support/redis.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { examineChain } from './examination.js';
import { startNginx, UPGRADING } from './nginx.js';

const TIMEOUT = 3;
let relay: Relay;

beforeAll(async () => {
  relay = await startRelay();
});

const port = (url: string) => new URL(url).port;

test('all is well behind an nginx that is set up as the README has it', async () => {
  const { url } = await startNginx(`location /socket.io/ { proxy_pass ${relay.url}; ${UPGRADING} }`);
  const seen = await examineChain(relay, { url });
  expect([seen.that('FAIL'), seen.that('warn')]).toEqual([[], []]);
  expect(seen.text('notify')).toMatch(/^ok a message came to the canary after \d+ ms/);
});

test('a proxy without upgrade headers is shown the three lines it lacks', async () => {
  const { url } = await startNginx(`location / { proxy_pass ${relay.url}; }`);
  const seen = await examineChain(relay, { url });
  expect(seen.text('upgrade')).toMatch(/^FAIL nginx answered 400: the request lost its Upgrade header/);
  expect(seen.text('upgrade')).toContain(
    'proxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection "upgrade";',
  );
  expect(seen.that('FAIL')).toEqual(['upgrade']);
});

test('a proxy that does not reach the relay, and one that keeps /socket.io/ to itself', async () => {
  const [gone, own] = await Promise.all([
    startNginx('location / { proxy_pass http://127.0.0.1:1; }'),
    startNginx('location / { return 200 "<title>Welcome</title>"; }'),
  ]);
  const lost = await examineChain(relay, { url: gone.url });
  expect(lost.text('polling')).toMatch(/^FAIL nginx answered 502: it does not reach the relay\nsystemctl status relay/);
  const page = await examineChain(relay, { url: own.url });
  expect(page.text('polling')).toMatch(
    /answered 200 with a page titled "Welcome", no relay\nlocation \/socket\.io\/ \{/,
  );
  expect([lost.that('FAIL'), page.that('FAIL')]).toEqual([['polling'], ['polling']]);
});

test.each([
  ['http://www.example.org/', /^FAIL .*io\(\) does not follow\nio\('http:\/\/www\.example\.org'\)$/],
  ['//www.example.org/socket.io/', /^FAIL .*io\(\) does not follow\nio\('http:\/\/www\.example\.org'\)$/],
  ['/login', /^FAIL .* leads to \/login: io\(\) does not follow\nlocation \/socket\.io\/ \{ proxy_pass/],
])('a redirect to %s is shown with what helps: another address, or to forward in its place', async (to, words) => {
  const { url } = await startNginx(`absolute_redirect off; location /socket.io/ { return 302 ${to}; }`);
  expect((await examineChain(relay, { url })).text('polling')).toMatch(words);
});

test('a proxy that spreads one polling session over two replicas is shown how to keep it on one', async () => {
  const other = await startRelay();
  const servers = `server 127.0.0.1:${port(relay.url)}; server 127.0.0.1:${port(other.url)};`;
  const { url } = await startNginx(`location / { proxy_pass http://relay; ${UPGRADING} }`, servers);
  const seen = await examineChain(relay, { url });
  expect(seen.text('polling')).toMatch(
    /^FAIL .*came to another replica \("Session ID unknown"\).*\nhash \$remote_addr/,
  );
});

test('a proxy that loses patience with an idle connection is shown the timeout to raise', async () => {
  const lines = `location / { proxy_pass ${relay.url}; ${UPGRADING} proxy_read_timeout ${TIMEOUT}s; }`;
  const { url } = await startNginx(lines);
  const seen = await examineChain(relay, { url, slow: true }, { idleSeconds: 2 * TIMEOUT });
  expect(seen.text('idle')).toMatch(/^FAIL an idle connection was cut off after [234]\.\d s/);
  expect(seen.text('idle')).toContain('proxy_read_timeout 120s;');
  expect(seen.that('FAIL')).toEqual(['idle']);
  const patient = await examineChain(relay, { slow: true }, { idleSeconds: 1 });
  expect(patient.text('idle')).toMatch(/^ok a connection that said nothing for 1 s is still there/);
});

test("the doctor's own address may be that of an old notifier: it comes as a page all the same", async () => {
  const { url, prefix } = sharedRedis();
  const known = { RELAY_LEGACY_NOTIFIERS: '127.0.0.1', RELAY_TRUSTED_PROXIES: '127.0.0.1' };
  const env = { ...known, RELAY_REDIS_URL: url, RELAY_REDIS_PREFIX: prefix };
  const [near, far] = await Promise.all([startRelay(env), startRelay(env)]);
  const servers = `hash $http_user_agent; ${[near, far].map((one) => `server ${new URL(one.url).host};`).join(' ')}`;
  const naming = 'proxy_set_header X-Forwarded-For $remote_addr;';
  const lines = `location / { proxy_pass http://relay; ${UPGRADING} ${naming} }`;
  const proxy = await startNginx(lines, servers);
  const seen = await examineChain(near, { url: proxy.url, slow: true }, { idleSeconds: 1 });
  expect(seen.that('FAIL')).toEqual([]);
  expect(seen.text('replicas')).toMatch(/^ok one message came to the pages on 2 replicas/);
  expect(seen.text('idle')).toMatch(/^ok/);
  const notifiers = [near, far].flatMap(({ logs }) => logs.filter(({ msg }) => /notifier/.test(String(msg))));
  // the check that comes as an old notifier, from another address
  expect(notifiers).toEqual([expect.objectContaining({ address: '127.0.0.2' })]);
});

test('an internal API that is reachable from the public side is exposed', async () => {
  const { url } = await startNginx(`
    location /socket.io/ { proxy_pass ${relay.url}; ${UPGRADING} }
    location / { proxy_pass ${relay.internalUrl}; }`);
  const seen = await examineChain(relay, { url });
  expect(seen.text('exposure')).toMatch(
    /^FAIL the internal API is exposed: .* answers \/notify, \/stats, \/metrics, \/health/,
  );
  expect(seen.text('exposure')).toMatch(/location ~ \^\/\(notify\|.* \{ return 404; \}/);
  expect(seen.that('FAIL')).toEqual(['exposure']);
});

test('an Apache that shows the internal API is mended by the very lines that it is shown', async () => {
  const start = async (lines: string) => {
    const port = await freePort();
    const proxied = `ProxyPass /socket.io/ ${relay.url}/socket.io/ upgrade=websocket\nProxyPass / ${relay.internalUrl}/`;
    await startApache(`<VirtualHost 127.0.0.1:${port}>\n${lines}\n${proxied}\n</VirtualHost>`, port);
    return examineChain(relay, { url: `http://127.0.0.1:${port}` });
  };
  const seen = await start('');
  expect(seen.that('FAIL')).toEqual(['exposure']);
  const { mend = [] } = seen.findings.find(({ check }) => check === 'exposure') ?? {};
  expect((await start(mend.join('\n'))).that('FAIL')).toEqual([]);
});

test('an Apache that spreads one polling session is told that only one replica is to stand behind it', async () => {
  const [other, port] = [await startRelay(), await freePort()];
  const members = [relay, other].map(({ url }) => `BalancerMember ${url}`).join('\n');
  const spread = `<Proxy balancer://relay>\n${members}\n</Proxy>\nProxyPass / balancer://relay/`;
  const modules = ['proxy_balancer', 'slotmem_shm', 'lbmethod_byrequests'];
  const loaded = modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n');
  await startApache(`${loaded}\n${spread}`, port);
  const seen = await examineChain(relay, { url: `http://127.0.0.1:${port}` });
  expect(seen.text('polling')).toMatch(/^FAIL .*came to another replica/);
  expect(seen.text('polling').split('\n').slice(1)).toEqual([
    expect.stringMatching(/^# Apache .*nginx/),
    'ProxyPass /socket.io/ http://127.0.0.1:3000/socket.io/',
  ]);
});
