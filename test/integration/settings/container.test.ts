import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const at = (path: string) => new URL(`../../../${path}`, import.meta.url);
const ENTRY = at('docker/relay/entry.sh').pathname;
const BESIDE = readFileSync(at('docker/beside-a-site.yml'), 'utf8');

test('the image makes addresses of the names of its networks, and leaves the rest', () => {
  const env = {
    PATH: process.env.PATH,
    RELAY_INTERNAL_HOST: 'localhost',
    RELAY_TRUSTED_PROXIES: 'localhost,203.0.113.0/24',
    RELAY_LEGACY_NOTIFIERS: 'localhost,203.0.113.10',
    RELAY_IDENTITY: 'session',
  };
  const { stdout } = spawnSync('sh', [ENTRY, 'env'], { env, encoding: 'utf8' });
  // "localhost" is this machine's name in its network of one
  const [address, network] = /127\.0\.0\.1/.test(stdout) ? ['127.0.0.1', '127.0.0.1/8'] : ['::1', '::1/128'];
  expect(stdout.split('\n')).toEqual(
    expect.arrayContaining([
      `RELAY_INTERNAL_HOST=${address}`,
      `RELAY_TRUSTED_PROXIES=${network},203.0.113.0/24`,
      `RELAY_LEGACY_NOTIFIERS=${network},203.0.113.10`,
      'RELAY_IDENTITY=session',
    ]),
  );
});

test('beside a site every setting of relay.env reaches the relay, but for those that are the container’s', () => {
  expect(BESIDE).toMatch(/^ {4}env_file: \.\.\/relay\.env$/m);
  const [, block = ''] = /^ {4}environment:\n((?: {6}.*\n)+)/m.exec(BESIDE) ?? [];
  const replaced = [...block.matchAll(/^ {6}(RELAY_\w+): (.*)$/gm)].filter(
    ([, name, value]) => !value?.includes(`\${${name}`),
  );
  expect(replaced.map(([, name]) => name)).toEqual([
    'RELAY_REDIS_URL',
    'RELAY_HOST',
    'RELAY_PORT',
    'RELAY_INTERNAL_PORT',
    'RELAY_INTERNAL_HOST',
  ]);
});
