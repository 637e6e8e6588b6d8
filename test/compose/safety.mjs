import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { check } from './check.mjs';
import { compose, docker, inside, inspect, internalToken, SITE } from './stack.mjs';

const INTERNAL_PORT = 3001;

export async function checkOutside() {
  await check(
    'the site, the relay and its scripts answer on one published port, and nothing else is published',
    async () => {
      for (const path of ['/login.php', '/healthz', '/socket.io/socket.io.min.js', '/relay-client.js']) {
        assert.equal((await fetch(SITE + path)).status, 200, path);
      }
      const published = (await inspect()).flatMap((one) => Object.values(one.HostConfig.PortBindings ?? {}).flat());
      assert.deepEqual(published, [{ HostIp: '127.0.0.1', HostPort: process.env.SITE_PORT }]);
    },
  );

  await check(
    'the internal API and the backend are not there on the published port, with a valid token neither',
    async () => {
      const authorization = `Bearer ${await internalToken()}`;
      const paths = [
        '/health/live',
        '/health/ready',
        '/metrics',
        '/stats',
        '/presence/17',
        '/messages/1/trace',
        '/notify',
        '/disconnect',
      ];
      for (const path of [...paths, '/relay-backend.php', '/socket.io/../notify', '/socket.io/..%2fmetrics']) {
        for (const method of ['GET', 'POST']) {
          const answer = await fetch(SITE + path, { method, headers: { authorization } });
          assert.ok(answer.status >= 400 && answer.status < 500, `${method} ${path}: ${answer.status}`);
        }
      }
    },
  );

  await check('a page of another origin is refused, on polling and on WebSocket', async () => {
    const headers = { origin: 'https://elsewhere.example' };
    assert.equal((await fetch(`${SITE}/socket.io/?EIO=4&transport=polling`, { headers })).status, 403);
    const upgrade = { ...headers, 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
    assert.equal(await upgradeStatus('/socket.io/?EIO=4&transport=websocket', upgrade), 403);
  });
}

export async function checkInside() {
  await check('of all containers PHP alone reaches the internal API', async () => {
    const addresses = (await inspect('relay'))
      .flatMap((one) => Object.values(one.NetworkSettings.Networks))
      .map((one) => one.IPAddress);
    const listeners = addresses.map((address) => `${address}/${INTERNAL_PORT}`).join(' ');
    const knock = `for one in ${listeners}; do timeout 1 bash -c "</dev/tcp/$one" 2>/dev/null && echo "$one"; done; true`;
    for (const service of ['nginx', 'redis', 'mariadb']) {
      assert.deepEqual(await inside(service, 1, 'bash', '-c', knock), { status: 0, said: '' }, service);
    }
    const fromPhp = "echo file_get_contents('http://relay-internal:3001/health/live') === false ? 'no' : 'yes';";
    assert.equal((await inside('php', 1, 'php', '-r', fromPhp)).said, 'yes');
  });

  await check('the relay runs as nobody special: no root, no capability, nothing to write to', async () => {
    for (const one of await inspect('relay')) {
      assert.equal(one.HostConfig.ReadonlyRootfs, true);
      assert.equal(one.HostConfig.Privileged, false);
    }
    const paths = '/app /app/dist /run/relay-secret /home/node /etc';
    const look = `cat /proc/1/status /proc/1/cmdline; for one in ${paths}; do touch "$one/x" 2>/dev/null && echo "wrote to $one"; done; true`;
    for (const index of [1, 2]) {
      const { said } = await inside('relay', index, 'sh', '-c', look);
      assert.match(said, /^Uid:\s+1000\s+1000\s+1000\s+1000$/m);
      for (const set of ['Prm', 'Eff', 'Bnd', 'Inh', 'Amb']) assert.match(said, new RegExp(`^Cap${set}:\\s+0+$`, 'm'));
      assert.match(said, /^NoNewPrivs:\s+1$/m);
      assert.match(said, /^node\0dist\/main\.js/m);
      assert.doesNotMatch(said, /wrote to/);
    }
  });
}

export async function checkSecrets() {
  await check('secrets are made for this stack, kept in volumes, and in no image, environment or file', async () => {
    const secret = (await inside('relay', 1, 'cat', '/run/relay-secret/secret')).said;
    const password = (await inside('mariadb', 1, 'cat', '/run/site-db/password')).said;
    assert.ok(secret.length >= 43 && password.length >= 32, `${secret.length} and ${password.length} characters`);
    const containers = await inspect();
    const images = await docker('inspect', ...new Set(containers.map((one) => one.Image)));
    const written = JSON.stringify(containers) + images + (await readFile('docker-compose.yml', 'utf8'));
    for (const value of [secret, password]) assert.ok(!written.includes(value));
    for (const [volume, services] of [
      ['relay-secret', ['outbox', 'php', 'relay']],
      ['site-db', ['mariadb', 'outbox', 'php']],
    ]) {
      const name = `${process.env.COMPOSE_PROJECT_NAME}_${volume}`;
      const mounted = containers.filter((one) => one.Mounts.some((mount) => mount.Name === name));
      assert.deepEqual(
        [...new Set(mounted.map((one) => one.Config.Labels['com.docker.compose.service']))].sort(),
        services,
      );
    }
  });

  await check('another stack has another secret, and containers that start at once agree on one', async () => {
    const own = (await inside('relay', 1, 'cat', '/run/relay-secret/secret')).said;
    const image = (await inspect('php'))[0].Image;
    const volume = `${process.env.COMPOSE_PROJECT_NAME}_${randomUUID()}`;
    const start = () =>
      docker(
        'run',
        '--rm',
        '--network',
        'none',
        '-v',
        `${volume}:/run/relay-secret`,
        '-e',
        'RELAY_SECRET_FILE=/run/relay-secret/secret',
        image,
        'cat',
        '/run/relay-secret/secret',
      );
    try {
      const made = await Promise.all([start(), start(), start()]);
      assert.equal(new Set(made).size, 1);
      assert.notEqual(made[0], own);
    } finally {
      await docker('volume', 'rm', '-f', volume);
    }
  });

  await check('nothing that this test reads out is in a log', async () => {
    const secret = (await inside('relay', 1, 'cat', '/run/relay-secret/secret')).said;
    const logs = await compose('logs', '--no-color');
    assert.ok(!logs.includes(secret));
    assert.doesNotMatch(logs, /sid=[\w-]{10}/);
  });
}

async function upgradeStatus(path, headers) {
  const { request } = await import('node:http');
  return await new Promise((resolve, reject) => {
    const asked = request(SITE + path, { headers: { ...headers, connection: 'Upgrade', upgrade: 'websocket' } });
    asked.on('response', (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    asked.on('upgrade', (_, socket) => {
      socket.destroy();
      resolve(101);
    });
    asked.on('error', reject);
    asked.end();
  });
}
