import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

// Debian keeps servers in sbin, which is on nobody's PATH but root's.
const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

/** The path of the first of these programs that is installed, or undefined. */
export function find(...names) {
  for (const name of names) {
    const path = folders.map((folder) => join(folder, name)).find(isExecutable);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** What the demo needs and where it is. Throws one error that names everything missing and the command that mends it. */
export function findAll() {
  const programs = {
    php: find('php'),
    mariadbd: find('mariadbd', 'mysqld'),
    installDb: find('mariadb-install-db', 'mysql_install_db'),
    mariadb: find('mariadb', 'mysql'),
    redis: find('redis-server'),
  };
  const packages = [];
  if (programs.php === undefined) packages.push('php-cli', 'php-mysql', 'php-curl');
  else if (!hasModule(programs.php, 'pdo_mysql')) packages.push('php-mysql');
  if (!programs.mariadbd || !programs.installDb || !programs.mariadb) packages.push('mariadb-server');
  if (packages.length > 0) {
    throw new Error(`The demo needs PHP and MariaDB. On Debian or Ubuntu: sudo apt-get install ${packages.join(' ')}`);
  }
  return programs;
}

function hasModule(php, name) {
  return spawnSync(php, ['-m'], { encoding: 'utf8' }).stdout.split('\n').includes(name);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
