import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { checkPage } from '../../../relay/cli/checks/page.js';
import type { Finding } from '../../../relay/cli/finding.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { tempDir } from '../../support/temp.js';
import { type Nginx, startNginx } from './nginx.js';

let relay: Relay;
let site: Nginx;

beforeAll(async () => {
  const root = await tempDir();
  relay = await startRelay();
  const client = `<script src="${relay.url}/socket.io/socket.io.min.js"></script>`;
  const own = `<script src="${relay.url}/relay-client.js"></script>`;
  const old = join(dirname(createRequire(import.meta.url).resolve('socket.io-client-2/package.json')), 'dist');
  const pages: Record<string, string> = {
    'right.html': `${client}${own}<script>const socket = io('${relay.url}');</script>`,
    'bare.html': `${client}<script>io('${new URL(relay.url).host}'); io("//${new URL(relay.url).host}/chat");</script>`,
    'bare-elsewhere.html': `${client}<script>io('chat.example.org:3000'); io('chat.example.org'); io('/news')</script>`,
    'elsewhere.html': `${client}<script>var socket = io("wss://old.example.org:3000", {});</script>`,
    'missing.html': '<script src="/js/socket.io.min.js"></script><script src="/relay-client.js"></script>',
    'html.html': '<script src="/socket.io/socket.io.js"></script>',
    'order.html': `${own}${client}`,
    'none.html': '<script src="/app.js"></script>',
    'old.html': '<script src="/two/socket.io.js"></script>',
  };
  await Promise.all(Object.entries(pages).map(([name, html]) => writeFile(join(root, name), html)));
  site = await startNginx(`
    types { text/html html; application/javascript js; }
    root ${root};
    location /socket.io/ { types { } default_type text/html; return 200 "<title>Not found</title>"; }
    location /two/ { alias ${old}/; }
    location = /login { return 200 "log in"; }
    location = /members.html { return 302 /login; }`);
});

async function examine(page: string, allowEio3 = false): Promise<string> {
  const findings = await checkPage(new URL(`${site.url}/${page}`), new URL(relay.url), allowEio3);
  return findings
    .map(({ verdict, check, message, mend }: Finding) => [verdict, check, message, ...mend].join(' '))
    .join('\n');
}

test('scripts that are there and an io() that leads to the relay are well', async () => {
  expect((await examine('right.html')).split('\n')).toEqual([
    expect.stringMatching(/^ok page script .*\/socket\.io\.min\.js is Socket\.IO v4\.8/),
    expect.stringMatching(/^ok page relay-client /),
    expect.stringMatching(/^ok page io\(\) io\('http.*'\) leads to this relay/),
  ]);
});

test('an address without a protocol is a host, as socket.io-client reads it', async () => {
  const host = new URL(relay.url).host;
  expect((await examine('bare.html')).split('\n').slice(1)).toEqual([
    `ok page io() io('${host}') leads to this relay`,
    `ok page io() io('//${host}/chat') leads to this relay`,
  ]);
  expect((await examine('bare-elsewhere.html')).split('\n').slice(1)).toEqual([
    expect.stringContaining("FAIL page io() io('chat.example.org:3000') leads to chat.example.org:3000, this relay is"),
    expect.stringContaining("FAIL page io() io('chat.example.org') leads to chat.example.org, this relay is"),
    expect.stringContaining(`FAIL page io() io('/news') leads to ${new URL(site.url).host}, this relay is`),
  ]);
});

test.each([
  [
    'elsewhere.html',
    /FAIL page io\(\) io\('wss:\/\/old\.example\.org:3000'\) leads to old\.example\.org:3000, this relay is /,
  ],
  ['missing.html', /FAIL page script .*socket\.io\.min\.js is answered 404 <script src="http/],
  ['missing.html', /FAIL page relay-client .*relay-client\.js is answered 404/],
  ['html.html', /FAIL page script .* is text\/html, no JavaScript: a page titled "Not found"/],
  ['order.html', /FAIL page order relay-client\.js comes before the Socket\.IO client/],
  ['none.html', /warn page .* loads no Socket\.IO client/],
  ['old.html', /FAIL page script .* is Socket\.IO v2\.\d+\.\d+: refused RELAY_ALLOW_EIO3=true/],
  ['members.html', /warn page .* leads to .*\/login/],
  ['nothing.html', /FAIL page .*404/],
])('%s is told with the line to put there', async (page, words) => {
  expect(await examine(page)).toMatch(words);
});
