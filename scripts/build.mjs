// Compiles relay/ to dist/ and puts beside it what the compiler does not carry over.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const DIST = join(ROOT, 'dist');
export const ENTRY = join(DIST, 'main.js');
export const LOCK = join(DIST, '.lock');
const SOURCE = join(ROOT, 'relay');
// Written last: a build that was interrupted leaves none, or an old one, and is done again.
const STAMP = join(DIST, '.built');

/** Whether a source is newer than dist/, or came or went since. Without sources dist/ is what there is. */
export function isStale() {
  if (!existsSync(SOURCE)) return false;
  if (!existsSync(ENTRY) || !existsSync(STAMP)) return true;
  const built = statSync(STAMP).mtimeMs;
  // Folders are looked at too: their time changes when a file in them comes or goes.
  const watched = [
    SOURCE,
    ...walk(SOURCE, { folders: true }),
    join(ROOT, 'tsconfig.json'),
    fileURLToPath(import.meta.url),
  ];
  return watched.some((path) => statSync(path).mtimeMs > built);
}

/** As `buildNow`, one process at a time, and only if it is still needed once it is this one's turn. */
export async function build({ force = false } = {}) {
  await withLock(LOCK, async () => {
    if (force || isStale()) await buildNow();
  });
}

/**
 * Builds; the caller holds LOCK. Rejects with the compiler's words when the sources do not compile, and dist/ is
 * then as it was. Each file is replaced in one step and what is no longer built goes last, so that a relay which is
 * starting from dist/ at this moment finds every file.
 */
export async function buildNow() {
  const started = new Date();
  mkdirSync(DIST, { recursive: true });
  for (const name of readdirSync(DIST)) if (name.startsWith('.next-')) remove(join(DIST, name));
  const next = mkdtempSync(join(DIST, '.next-'));
  try {
    await compile(next);
    for (const file of walk(SOURCE))
      if (!file.endsWith('.ts')) place(file, join(next, relative(SOURCE, file)), copyFileSync);
    if (existsSync(join(next, 'main.js'))) chmodSync(join(next, 'main.js'), 0o755);
    const built = walk(next).map((file) => relative(next, file));
    for (const name of built) place(join(next, name), join(DIST, name), renameSync);
    removeAllBut(new Set(built));
    writeFileSync(STAMP, '');
    // What was edited while the compiler ran is newer than this, and so is built again.
    utimesSync(STAMP, started, started);
  } finally {
    remove(next);
  }
}

async function compile(outDir) {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', ROOT, '--outDir', outDir, '--noEmitOnError', '--pretty', 'false'];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`the relay does not compile:\n${said.trim()}`);
}

function removeAllBut(built) {
  for (const name of readdirSync(DIST).filter((name) => !name.startsWith('.'))) {
    const path = join(DIST, name);
    if (!statSync(path).isDirectory()) {
      if (!built.has(name)) remove(path);
      continue;
    }
    for (const file of walk(path)) if (!built.has(relative(DIST, file))) remove(file);
    // Deepest first, so that a folder that held only empty ones goes too.
    for (const folder of [...walk(path, { folders: true }), path].filter((one) => statSync(one).isDirectory())) {
      if (readdirSync(folder).length === 0) remove(folder);
    }
  }
}

function walk(folder, { folders = false } = {}) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return [path];
    return folders ? [...walk(path, { folders }), path] : walk(path);
  });
}

function place(from, to, how) {
  mkdirSync(dirname(to), { recursive: true });
  how(from, to);
}

const remove = (path) => rmSync(path, { recursive: true, force: true });

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await build({ force: true });
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
