import { spawnSync } from 'node:child_process';
import { stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectAs, open, refusal } from '../../support/client.js';
import { internalApi } from '../../support/internal.js';
import { sharedRedis } from '../../support/redis.js';
import { startRelay } from '../../support/relay.js';
import { tempDir } from '../../support/temp.js';
import { clientToken, internalToken, SECRET } from '../../support/tokens.js';

const OTHER = 'another-secret-that-only-tests-know-0123';

test('secrets, origins and the Redis address come from files as well, line ends left out', async () => {
  const dir = await tempDir();
  const redis = sharedRedis();
  const file = async (name: string, text: string) => {
    await writeFile(join(dir, name), `${text}\n`);
    return join(dir, name);
  };
  const relay = await startRelay({
    RELAY_SECRET: undefined,
    RELAY_SECRET_FILE: await file('secret', SECRET),
    RELAY_PREVIOUS_SECRET_FILE: await file('previous', OTHER),
    RELAY_ALLOWED_ORIGINS_FILE: await file('origins', 'https://one.example, https://two.example'),
    RELAY_REDIS_URL_FILE: await file('redis', redis.url),
    RELAY_REDIS_PREFIX: redis.prefix,
  });
  expect(relay.logs).toContainEqual(expect.objectContaining({ store: 'redis' }));
  const page = { transports: ['websocket'], extraHeaders: { origin: 'https://two.example' } };
  for (const secret of [SECRET, OTHER]) {
    const { registered } = await connectAs(relay, clientToken(7, { secret }), page);
    expect(registered).toMatchObject({ ok: true, user_id: '7' });
  }
});

test('a .env in the working folder is read, yields to the environment, and fills in for an empty variable', async () => {
  const dir = await tempDir();
  const lines = [`RELAY_SECRET=${SECRET}`, 'RELAY_LOG_LEVEL=info', 'RELAY_ALLOWED_ORIGINS="https://env.example"'];
  await writeFile(join(dir, '.env'), `# settings\n${lines.join('\n')}\n`);
  const relay = await startRelay({ RELAY_SECRET: '', RELAY_LOG_LEVEL: 'debug', RELAY_PREVIOUS_SECRET: '' }, dir);
  const page = { transports: ['websocket'], extraHeaders: { origin: 'https://env.example' } };
  const { registered } = await connectAs(relay, clientToken(7), page);
  expect(registered).toMatchObject({ ok: true });
});

test('outside production a missing secret is made up for the run, and differs from any other', async () => {
  const relay = await startRelay({ RELAY_SECRET: undefined });
  const client = open(relay, { auth: { token: clientToken(7) } });
  expect((await refusal(client)).data).toMatchObject({ code: 'token_invalid' });
});

test('what is unknown or dangerous is warned of, and the internal API is served on a Unix socket as well', async () => {
  const socketPath = join(await tempDir(), 'relay.sock');
  await leaveSocketAt(socketPath);
  const relay = await startRelay({
    RELAY_INTERNAL_SOCKET: socketPath,
    RELAY_INBOX_LIMITS: 5,
    RELAY_IDENTITY: 'token,claim',
  });
  const warned = (pattern: RegExp) =>
    relay.log(`${pattern}`, ({ level, msg }) => level === 40 && pattern.test(`${msg}`));
  await warned(/RELAY_INBOX_LIMITS .*RELAY_INBOX_LIMIT\b/);
  await warned(/claim/);
  const status = await new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${internalToken(undefined)}` };
    request({ socketPath, path: '/presence?users=1', headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once('error', reject)
      .end();
  });
  expect(status).toBe(200);
});

test('in production a browser needs an origin that was allowed, and /try is not there', async () => {
  const relay = await startRelay({ NODE_ENV: 'production' });
  const at = (path: string, headers = {}) => fetch(`${relay.url}${path}`, { headers });
  const handshake = '/socket.io/?EIO=4&transport=polling';
  expect((await at(handshake, { origin: 'http://localhost:8080' })).status).toBe(403);
  expect((await at(handshake)).status).toBe(200);
  expect((await at('/try')).status).toBe(404);
  expect((await internalApi(relay).get('/presence?users=1')).status).toBe(200);
});

/** As a killed relay does. */
async function leaveSocketAt(path: string): Promise<void> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  expect((await stat(path)).isSocket()).toBe(true);
}
