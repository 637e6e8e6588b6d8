// The programs beside Node that the tests drive, and how a Debian or Ubuntu machine comes by them.
import { spawnSync } from 'node:child_process';

const NEEDED = [
  { name: 'Redis', here: () => runs('redis-server', '--version'), packages: [['redis-server']] },
  {
    name: 'PHP 7.2 or newer with mysqli, PDO, curl and mbstring',
    here: () => runs('php', '-r', `exit(${PHP_READY} ? 0 : 1);`),
    packages: [['php-cli', 'php-mysql', 'php-curl', 'php-mbstring']],
  },
  {
    name: 'MariaDB',
    here: () => runs('mariadbd', '--version') && runs('mariadb', '--version') && onPath('mariadb-install-db'),
    // The first brings the programs alone; where there is no such package, the second starts a server as well.
    packages: [
      ['mariadb-server-core', 'mariadb-client-core'],
      ['mariadb-server', 'mariadb-client'],
    ],
  },
  {
    name: 'Chromium',
    here: () => ['chromium', 'chromium-browser', 'google-chrome'].some((name) => runs(name, '--version')),
    packages: [['chromium'], ['chromium-browser']],
  },
  { name: 'curl', here: () => onPath('curl'), packages: [['curl']] },
  { name: 'git', here: () => onPath('git'), packages: [['git']] },
  { name: 'nginx', here: () => runs('nginx', '-v'), packages: [['nginx']] },
];
const PHP_READY = `PHP_VERSION_ID >= 70200 && !array_diff(['mysqli', 'pdo_mysql', 'curl', 'mbstring'], get_loaded_extensions())`;

/** Installs what is missing where that needs no password. Gives what is missing still, a line each with its remedy. */
export function ensurePrograms(say) {
  let missing = NEEDED.filter((one) => !one.here());
  if (missing.length === 0) return [];
  const apt = aptGet();
  if (apt) {
    say(`Installing ${missing.map((one) => one.name).join('; ')} …`);
    run([...apt, 'update', '-qq']);
    // One at a time: a package that this machine's release does not have keeps none of the others away.
    for (const { packages } of missing)
      run([...apt, 'install', '-y', '-qq', '--no-install-recommends', ...choose(packages)]);
    missing = missing.filter((one) => !one.here());
  }
  return missing.map(({ name, packages }) => `${name} is missing. ${remedy(packages)}`);
}

/** The command to call apt-get by, or nothing where that would ask for a password or there is no apt. */
function aptGet() {
  if (!onPath('apt-get')) return undefined;
  const command = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  if (process.getuid?.() === 0) return command;
  return runs('sudo', '-n', 'true') ? ['sudo', '-n', ...command] : undefined;
}

const choose = (packages) =>
  packages.find((names) => names.every((name) => runs('apt-cache', 'show', name))) ?? packages[0];

function remedy(packages) {
  if (!onPath('apt-get'))
    return `Install it with this system's package manager (Debian has it as ${packages[0].join(' ')}).`;
  // Ubuntu's package is an empty one that points at the snap.
  const snap = packages.flat().includes('chromium-browser') && onPath('snap');
  return `Run: sudo ${snap ? 'snap install chromium' : `apt-get install -y ${choose(packages).join(' ')}`}`;
}

const run = ([command, ...args]) => spawnSync(command, args, { stdio: ['ignore', 2, 2] }).status === 0;
const runs = (command, ...args) => spawnSync(command, args, { stdio: 'ignore', timeout: 30_000 }).status === 0;
const onPath = (name) => runs('sh', '-c', `command -v ${name}`);
