import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * Whether node_modules lacks a package that package-lock.json asks for, or has another version of it. What npm noted
 * when it installed is compared, since file times say nothing after a checkout or a copy.
 */
export function packagesMissing(root, { dev }) {
  const wanted = read(join(root, 'package-lock.json'));
  const present = read(join(root, 'node_modules', '.package-lock.json'));
  if (!wanted) return !present;
  return Object.entries(wanted.packages).some(([path, entry]) => {
    // The root itself, and what is installed on some platforms only.
    if (path === '' || entry.link || entry.optional || entry.devOptional || entry.peer) return false;
    if (entry.dev && !dev) return false;
    return present?.packages[path]?.version !== entry.version;
  });
}

/** Installs exactly what package-lock.json names. Everything npm says goes to stderr. */
export async function installPackages(root, { dev }) {
  const flags = ['--no-audit', '--no-fund', '--loglevel=error', ...(dev ? ['--include=dev'] : [])];
  const [command, ...args] = npm();
  const child = spawn(command, [...args, 'ci', ...flags], { cwd: root, stdio: ['ignore', 2, 2] });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error('npm ci failed: what it says is above');
}

// The npm that runs this script, if one does: it need not be the first on the PATH.
function npm() {
  const running = process.env.npm_execpath ?? '';
  return basename(running) === 'npm-cli.js' ? [process.execPath, running] : ['npm'];
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
