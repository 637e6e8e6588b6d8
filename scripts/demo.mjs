// The whole of it on this machine: MariaDB, Redis where installed, the PHP site, its outbox and the relay, all private
// to this run and gone after it. `npm run demo`, or `npm run demo -- --persist` for the page that has no AJAX.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { buildNow, ENTRY, isStale, LOCK, ROOT as root } from './build.mjs';
import { createProcesses, freePort, until } from './demo/processes.mjs';
import { findAll } from './demo/programs.mjs';
import { withLock } from './lock.mjs';
import { installPackages, packagesMissing } from './packages.mjs';

const bridge = join(root, 'php-bridge');
const persist = process.argv.includes('--persist');

let processes;
let folder;
let stopping;

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, () => stop(0));

try {
  await run();
} catch (error) {
  console.error(`\n${error.message}`);
  await stop(1);
}

async function run() {
  const programs = findAll();
  await prepare();
  // In the system's folder, because a Unix socket's path may be no longer than 107 bytes.
  folder = mkdtempSync(join(tmpdir(), 'relay-demo-'));
  processes = createProcesses(folder, (name, tail) => {
    console.error(`\n${name} ended by itself. Its last words:\n${tail}`);
    stop(1);
  });

  const ports = await choosePorts();
  console.log('Starting MariaDB…');
  const database = await startDatabase(programs);
  const environment = siteEnvironment(ports, database);
  if (programs.redis) await startRedis(programs.redis, ports, environment);
  console.log(
    `Starting the site and the relay${programs.redis ? ', with Redis' : ', in memory (no redis-server here)'}…`,
  );
  await startSite(programs.php, ports, environment);
  await startRelay(ports, environment);
  processes.start('outbox', programs.php, [join(bridge, 'bin/outbox'), '--watch'], { env: environment });
  welcome(ports);
}

async function prepare() {
  const lacking = () => packagesMissing(root, { dev: true });
  if (!lacking() && !isStale()) return;
  await withLock(LOCK, async () => {
    if (lacking()) {
      console.log('Installing packages (once)…');
      await installPackages(root, { dev: true });
    }
    if (isStale()) {
      console.log('Building the relay…');
      await buildNow();
    }
  });
}

async function choosePorts() {
  return {
    site: await freePort(Number(process.env.DEMO_PORT ?? 8080)),
    relay: await freePort(3000),
    internal: await freePort(3001),
    redis: await freePort(0),
  };
}

async function startDatabase({ mariadbd, installDb, mariadb }) {
  const socket = join(folder, 'db.sock');
  const user = userInfo().username;
  const where = ['--no-defaults', `--datadir=${join(folder, 'db')}`, `--user=${user}`];
  execFileSync(installDb, [...where, '--auth-root-authentication-method=normal', '--skip-test-db'], { stdio: 'pipe' });
  // No network: its root has no password, and only this user can enter the folder that the socket is in.
  processes.start('mariadb', mariadbd, [
    ...where,
    `--socket=${socket}`,
    '--skip-networking',
    '--innodb-flush-log-at-trx-commit=2',
  ]);
  const sql = (input, ...args) =>
    execFileSync(mariadb, ['--no-defaults', `--socket=${socket}`, '--user=root', ...args], { input, stdio: 'pipe' });
  await until('MariaDB', () => existsSync(socket) && sql('SELECT 1') !== undefined, 60);

  const password = randomBytes(12).toString('hex');
  sql(`CREATE DATABASE site CHARACTER SET utf8mb4; CREATE USER site@localhost IDENTIFIED BY '${password}';
    GRANT ALL ON site.* TO site@localhost;`);
  for (const file of ['site/schema.sql', 'schema/outbox.sql', 'site/seed.sql']) {
    sql(readFileSync(join(bridge, file)), '--default-character-set=utf8mb4', 'site');
  }
  return {
    SITE_DB_DSN: `mysql:unix_socket=${socket};dbname=site;charset=utf8mb4`,
    SITE_DB_USER: 'site',
    SITE_DB_PASSWORD: password,
  };
}

function siteEnvironment(ports, database) {
  // What this shell has set for another relay or site is no business of the demo's.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(RELAY|SITE)_/.test(name));
  return {
    ...Object.fromEntries(inherited),
    ...database,
    RELAY_SECRET: randomBytes(32).toString('hex'),
    RELAY_INTERNAL_URL: `http://127.0.0.1:${ports.internal}`,
  };
}

async function startRedis(redis, ports, environment) {
  const where = ['--port', String(ports.redis), '--bind', '127.0.0.1', '--dir', folder];
  processes.start('redis', redis, [...where, '--save', '', '--appendonly', 'no']);
  await until('Redis', async () => (await freePort(ports.redis)) !== ports.redis);
  environment.RELAY_REDIS_URL = `redis://127.0.0.1:${ports.redis}`;
}

async function startSite(php, ports, environment) {
  const site = join(bridge, 'site');
  const script = join(root, 'node_modules/socket.io-client-4.4.0/dist/socket.io.min.js');
  const own = {
    // The page's own host at the relay's port: the same site under localhost and under 127.0.0.1, so that one browser
    // can be two people.
    RELAY_PUBLIC_URL: `:${ports.relay}`,
    SITE_DEMO_LOGIN: '1',
    ...(existsSync(script) && { SITE_SOCKETIO_FILE: script, SITE_SOCKETIO_URL: 'vendor/socket.io-4.4.0.min.js' }),
    PHP_CLI_SERVER_WORKERS: '8',
  };
  const sessions = join(folder, 'sessions');
  mkdirSync(sessions, { mode: 0o700 });
  const args = [
    '-d',
    `session.save_path=${sessions}`,
    '-S',
    `127.0.0.1:${ports.site}`,
    '-t',
    site,
    join(site, 'router.php'),
  ];
  processes.start('php', php, args, { env: { ...environment, ...own } });
  await until('The site', async () => (await fetch(`http://127.0.0.1:${ports.site}/login.php`)).ok);
}

async function startRelay(ports, environment) {
  const { RELAY_SECRET, RELAY_REDIS_URL = '' } = environment;
  const own = {
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(RELAY|SITE)_/.test(name))),
    RELAY_SECRET,
    RELAY_REDIS_URL,
    RELAY_HOST: '127.0.0.1',
    RELAY_PORT: String(ports.relay),
    RELAY_INTERNAL_PORT: String(ports.internal),
    RELAY_IDENTITY: 'session',
    RELAY_BACKEND_URL: `http://127.0.0.1:${ports.site}/relay-backend.php`,
    RELAY_ALLOWED_ORIGINS: `http://localhost:${ports.site},http://127.0.0.1:${ports.site}`,
    RELAY_CLIENT_SEND: persist ? 'persist' : 'hold',
    RELAY_DRAIN_SECONDS: '1',
  };
  // In its own folder, so that no .env lying about decides.
  processes.start('relay', process.execPath, [ENTRY, 'start'], { env: own, cwd: folder });
  await until('The relay', async () => (await fetch(`http://127.0.0.1:${ports.internal}/health/ready`)).ok);
}

function welcome(ports) {
  const variant = persist ? '&variant=socket' : '';
  console.log(`
The messaging site is up: two host names, two logins, one browser.

  Mira    http://localhost:${ports.site}/login.php?user=3${variant}
  Jonas   http://127.0.0.1:${ports.site}/login.php?user=17${variant}

Open both and write to each other. Everybody else: http://localhost:${ports.site}/login.php
The relay is on port ${ports.relay}; logs are in ${folder}

Ctrl-C takes everything down again.`);
}

function stop(status) {
  stopping ??= (async () => {
    if (processes) {
      console.log('\nTaking everything down…');
      await processes.stop();
      rmSync(folder, { recursive: true, force: true });
    }
    process.exit(status);
  })();
  return stopping;
}
