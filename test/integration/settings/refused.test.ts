import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ENTRY, type RelayEnv, runRelay } from '../../support/relay.js';
import { onTeardown } from '../../support/teardown.js';
import { tempDir } from '../../support/temp.js';
import { SECRET } from '../../support/tokens.js';
import { selfSigned } from '../doctor/certificates.js';

const ORIGINS = 'RELAY_ALLOWED_ORIGINS';

describe('a start with bad settings', () => {
  test('lists every problem at once on stderr, each with its variable, and exits with 78', async () => {
    const env = {
      RELAY_PORT: 'none',
      RELAY_SECRET: 'too short to be told',
      RELAY_IDENTITY: 'password',
      [ORIGINS]: 'https://www.example.org/page',
      RELAY_BACKEND_URL: 'ftp://localhost/',
      RELAY_CLIENT_SEND: 'never',
      RELAY_SENDER_ECHO: 'loud',
      RELAY_REDIS_URL: 'http://localhost:6379',
      RELAY_INBOX_LIMIT: '-1',
      RELAY_LEGACY_NOTIFIERS: '10.0.0.0/33',
      RELAY_TRUSTED_PROXIES: 'proxy',
      RELAY_ALLOW_EIO3: 'perhaps',
      RELAY_MAX_PAYLOAD: 'lots',
      RELAY_REGISTER_TIMEOUT: 'soon',
      RELAY_LOG_LEVEL: 'loud',
    };
    const options = { cwd: await tempDir(), env: { PATH: process.env.PATH, ...env }, encoding: 'utf8' } as const;
    const { status, stderr } = spawnSync(process.execPath, [ENTRY, 'start'], options);
    expect(status).toBe(78);
    for (const variable of Object.keys(env)) expect(stderr).toMatch(new RegExp(`^ *${variable} `, 'm'));
    expect(stderr).not.toContain(env.RELAY_SECRET);
  });

  test.each<[string, RelayEnv, RegExp[]]>([
    [
      'settings that contradict each other',
      {
        RELAY_SECRET_FILE: '/nowhere',
        [ORIGINS]: 'https://a.example',
        [`${ORIGINS}_FILE`]: '/nowhere',
        RELAY_REDIS_URL_FILE: '/no/such/file',
        RELAY_IDENTITY: 'token,session',
        RELAY_CLIENT_SEND: 'persist',
        RELAY_TLS_CERT_FILE: '/cert.pem',
      },
      [
        /RELAY_SECRET .*RELAY_SECRET_FILE/,
        /RELAY_ALLOWED_ORIGINS .*RELAY_ALLOWED_ORIGINS_FILE/,
        /RELAY_REDIS_URL.*\/no\/such\/file/,
        /RELAY_BACKEND_URL .*session/,
        /RELAY_BACKEND_URL .*persist/,
        /RELAY_TLS_KEY_FILE /,
      ],
    ],
    [
      'production without a secret, and a key without a certificate; an unknown variable names its nearest',
      {
        NODE_ENV: 'production',
        RELAY_SECRET: undefined,
        RELAY_TLS_KEY_FILE: '/key.pem',
        RELAY_ALOWED_ORIGIN: 'https://a.example',
      },
      [/RELAY_SECRET .*32/, /RELAY_TLS_CERT_FILE /, /RELAY_ALOWED_ORIGIN .*RELAY_ALLOWED_ORIGINS/],
    ],
    ['a secret of 31 bytes', { RELAY_SECRET: SECRET.slice(0, 31) }, [/RELAY_SECRET .*32 bytes/]],
  ])('is refused for %s', async (_, env, problems) => {
    const { code, output } = await runRelay(['start'], env);
    for (const problem of problems) expect(output.join('\n')).toMatch(problem);
    expect(code).toBe(78);
  });

  test.each<[string, RelayEnv, string[]]>([
    ['a short secret in production', { NODE_ENV: 'production', RELAY_SECRET: 'short' }, ['RELAY_SECRET']],
    [
      'a backend that is no URL, where one is needed',
      { RELAY_BACKEND_URL: 'foo', RELAY_IDENTITY: 'session', RELAY_CLIENT_SEND: 'persist' },
      ['RELAY_BACKEND_URL'],
    ],
    [
      'a Redis that is no URL, where one is needed',
      { RELAY_REDIS_URL: 'foo', RELAY_EMITTER_KEY: 'socket.io' },
      ['RELAY_REDIS_URL'],
    ],
    ['bad origins in production', { NODE_ENV: 'production', [ORIGINS]: 'foo' }, [ORIGINS]],
  ])('tells one problem of %s, and nothing about what would stand in its place', async (_, env, told) => {
    const { output } = await runRelay(['start'], { [ORIGINS]: 'https://a.example', ...env });
    expect(output.filter((line) => line.startsWith('  ')).map((line) => line.trim().split(' ')[0])).toEqual(told);
  });
});

test.each([
  'https://site:pa55word@php.example/backend',
  'http://pa55word@php.example/',
  'https://:pa55word@php.example/',
])('a backend URL with a password in it is refused, and the password printed nowhere: %s', async (url) => {
  for (const command of ['start', 'check-config', 'doctor']) {
    const { code, output } = await runRelay([command], { RELAY_BACKEND_URL: url, RELAY_IDENTITY: 'session' });
    expect([command, code]).toEqual([command, 78]);
    expect(output.join('\n')).toMatch(/^ +RELAY_BACKEND_URL must be a URL without a user and a password in it$/m);
    expect(output.join('\n')).not.toContain('pa55word');
  }
});

describe.each(['start', 'check-config'])('TLS files that nobody could serve with: relay %s', (command) => {
  async function said(cert: string, key: string): Promise<string[]> {
    const { code, output } = await runRelay([command], { RELAY_TLS_CERT_FILE: cert, RELAY_TLS_KEY_FILE: key });
    expect(code).toBe(78);
    return output.filter((line) => line.startsWith('  '));
  }

  test('names both when neither can be read', async () => {
    expect(await said('/nope.pem', '/nokey.pem')).toEqual([
      expect.stringMatching(/RELAY_TLS_CERT_FILE.*\/nope\.pem/),
      expect.stringMatching(/RELAY_TLS_KEY_FILE.*\/nokey\.pem/),
    ]);
  });

  test('names those that are no PEM, or hold something else', async () => {
    const { cert, key } = await selfSigned();
    const empty = join(await tempDir(), 'empty.pem');
    await writeFile(empty, '');
    expect(await said(key, cert)).toEqual([
      expect.stringMatching(/RELAY_TLS_CERT_FILE must name a certificate chain in PEM/),
      expect.stringMatching(/RELAY_TLS_KEY_FILE must name a private key in PEM/),
    ]);
    expect(await said(empty, key)).toEqual([expect.stringMatching(/RELAY_TLS_CERT_FILE .*\(empty\)/)]);
  });

  test('names a key of another certificate', async () => {
    const [one, other] = await Promise.all([selfSigned(), selfSigned()]);
    expect(await said(one.cert, other.key)).toEqual([
      expect.stringMatching(/RELAY_TLS_KEY_FILE must name the key of the certificate/),
    ]);
  });
});

test('a token is made also where the TLS files cannot be read', async () => {
  const files = { RELAY_TLS_CERT_FILE: '/nope.pem', RELAY_TLS_KEY_FILE: '/nokey.pem' };
  const options = { cwd: await tempDir(), env: { PATH: process.env.PATH, RELAY_SECRET: SECRET, ...files } };
  expect(spawnSync(process.execPath, [ENTRY, 'token', 'client', '17'], options)).toMatchObject({ status: 0 });
});

describe('a start that cannot listen ends with 1 and the reason', () => {
  async function takenPort(): Promise<number> {
    const other = createServer().listen(0, '127.0.0.1');
    onTeardown(() => other.close());
    await once(other, 'listening');
    return (other.address() as AddressInfo).port;
  }

  test('where the public port is taken, before PHP is let in', async () => {
    const { code, output } = await runRelay(['start'], { RELAY_PORT: await takenPort() });
    expect(output.join('\n')).toMatch(/EADDRINUSE.*the relay could not start/);
    expect(output.join('\n')).not.toMatch(/the internal API listens|the relay is up/);
    expect(code).toBe(1);
  });

  test('where the internal port is taken', async () => {
    const { code, output } = await runRelay(['start'], { RELAY_INTERNAL_PORT: await takenPort() });
    expect(output.join('\n')).toMatch(/EADDRINUSE.*the relay could not start/);
    expect(code).toBe(1);
  });

  test('where something is in the place of the Unix socket that is none, and leaves it there', async () => {
    const path = join(await tempDir(), 'notes');
    await writeFile(path, 'not to be lost');
    const { code, output } = await runRelay(['start'], { RELAY_INTERNAL_SOCKET: path });
    expect(output.join('\n')).toMatch(
      /RELAY_INTERNAL_SOCKET names .*notes, where something is that is no socket.*the relay could not start/,
    );
    expect(await readFile(path, 'utf8')).toBe('not to be lost');
    expect(code).toBe(1);
  });

  test('where there is no place for the Unix socket', async () => {
    const path = join(await tempDir(), 'nowhere', 'relay.sock');
    const { code, output } = await runRelay(['start'], { RELAY_INTERNAL_SOCKET: path });
    expect(output.join('\n')).toMatch(/nowhere.*the relay could not start/);
    expect(code).toBe(1);
  });
});

test('a file that is to hold a setting and is empty is a problem of that setting, and not the setting left out', async () => {
  const empty = join(await tempDir(), 'empty');
  await writeFile(empty, ' \n');
  const variables = ['RELAY_SECRET', ORIGINS, 'RELAY_REDIS_URL'];
  const files = Object.fromEntries(variables.map((variable) => [`${variable}_FILE`, empty]));
  // of which an empty file says that there is none any more
  const env = { ...files, RELAY_PREVIOUS_SECRET_FILE: empty };
  const { code, output } = await runRelay(['start'], { NODE_ENV: 'production', RELAY_SECRET: undefined, ...env });
  expect(output.filter((line) => line.startsWith('  '))).toEqual(
    variables.map((variable) => `  ${variable} : the file that ${variable}_FILE names is empty: ${empty}`),
  );
  expect(code).toBe(78);
});

test('check-config says that a secret is made up where none is set', async () => {
  const told = async (env: RelayEnv) =>
    (await runRelay(['check-config'], env)).output.filter((line) => /_SECRET=/.test(line));
  expect(await told({})).toEqual(['RELAY_SECRET=(set)', 'RELAY_PREVIOUS_SECRET=']);
  expect(await told({ RELAY_SECRET: undefined })).toEqual([
    'RELAY_SECRET=(not set: made up for each run)',
    'RELAY_PREVIOUS_SECRET=',
  ]);
});

describe('a .env that is no readable file is a problem like any other, and no stack trace', () => {
  const commands = [['start'], ['check-config'], ['check-config', '--json'], ['doctor'], ['token', 'client', '17']];

  test.each(commands)('relay %s %s %s', async (...args) => {
    const dir = await tempDir();
    await mkdir(join(dir, '.env'));
    const { status, stdout, stderr } = run(args, dir);
    expect(stderr).toBe(
      `The settings have a problem:\n  .env can't be read (EISDIR: ${join(dir, '.env')}): it is to be a file of lines like RELAY_PORT=3000\n`,
    );
    expect(stdout === '' || JSON.parse(stdout)).toEqual(
      args.includes('--json') ? { ok: false, problems: [{ variable: '.env', message: expect.any(String) }] } : true,
    );
    expect(status).toBe(78);
  });

  test('one that is for another user names how to run the command', async () => {
    const dir = await tempDir();
    await writeFile(join(dir, '.env'), `RELAY_SECRET=${SECRET}`, { mode: 0o000 });
    const { status, stderr } = run(['check-config'], dir);
    expect(stderr).toMatch(
      /^ {2}\.env can't be read \(EACCES: .*\/\.env\): run this as the user .* sudo -u relay node dist\/main\.js /m,
    );
    expect(status).toBe(78);
  });

  /** Root too is kept from what its mode forbids. */
  function run(args: readonly string[], cwd: string) {
    const bare = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];
    const [program = '', ...rest] = [...bare, process.execPath, ENTRY, ...args];
    return spawnSync(program, rest, { cwd, env: { PATH: process.env.PATH }, encoding: 'utf8' });
  }
});
