// The programs beside Node that the tests drive, and how a Debian or Ubuntu machine comes by them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './build.mjs';

/** Where programs are kept that are unpacked and not installed, since their packages would start a server. */
const UNPACKED = join(ROOT, 'node_modules', '.cache', 'programs');

/** PATH with the places where the tests' programs are besides; Debian's servers are not on the PATH of everyone. */
export const programPath = () => `${process.env.PATH}:/usr/sbin:/sbin:${join(UNPACKED, 'usr', 'bin')}`;

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
  // The program and its modules alone: `apache2` would start a service that takes port 80.
  { name: 'Apache', here: () => runs('apache2', '-v'), packages: [['apache2-bin']] },
  // The package alone makes no machine start with it.
  { name: 'systemd-analyze', here: () => runs('systemd-analyze', '--version'), packages: [['systemd']] },
  {
    name: 'Prometheus',
    here: () => runs('prometheus', '--version') && runs('promtool', '--version'),
    // Debian 13 has the tool in a package of its own.
    packages: [['prometheus', 'promtool'], ['prometheus']],
    unpack: true,
  },
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
  }
  // One at a time: a package that this machine's release does not have keeps none of the others away.
  for (const { packages, unpack } of missing) {
    if (unpack) unpackOnly(choose(packages));
    else if (apt) run([...apt, 'install', '-y', '-qq', '--no-install-recommends', ...choose(packages)]);
  }
  missing = missing.filter((one) => !one.here());
  return missing.map((one) => `${one.name} is missing. ${remedy(one)}`);
}

/** Takes the programs out of packages and leaves the machine as it is; needs no root. */
function unpackOnly(packages) {
  if (!onPath('apt-get')) return;
  mkdirSync(dirname(UNPACKED), { recursive: true });
  const folder = mkdtempSync(`${UNPACKED}-`);
  // Not as the user _apt, who may not write here.
  run(['apt-get', 'download', '-qq', '-o', 'APT::Sandbox::User=root', ...packages], { cwd: folder });
  for (const file of readdirSync(folder)) run(['dpkg', '-x', join(folder, file), join(folder, 'root')]);
  rmSync(UNPACKED, { recursive: true, force: true });
  if (readdirSync(folder).includes('root')) renameSync(join(folder, 'root'), UNPACKED);
  rmSync(folder, { recursive: true, force: true });
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

function remedy({ packages, unpack }) {
  if (!onPath('apt-get'))
    return `Install it with this system's package manager (Debian has it as ${packages[0].join(' ')}).`;
  if (unpack) return 'Run: sudo apt-get update, and this again: it is unpacked from its package, not installed.';
  // Ubuntu's package is an empty one that points at the snap.
  const snap = packages.flat().includes('chromium-browser') && onPath('snap');
  return `Run: sudo ${snap ? 'snap install chromium' : `apt-get install -y ${choose(packages).join(' ')}`}`;
}

const run = ([command, ...args], options = {}) =>
  spawnSync(command, args, { ...options, stdio: ['ignore', 2, 2] }).status === 0;
const runs = (command, ...args) =>
  spawnSync(command, args, { stdio: 'ignore', timeout: 30_000, env: { ...process.env, PATH: programPath() } })
    .status === 0;
const onPath = (name) => runs('sh', '-c', `command -v ${name}`);
