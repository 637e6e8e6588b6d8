import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, utimes, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

// The holder touches the file this often; a process number alone says little, since another may have it by now.
const TOUCH_MS = 1_000;
const ABANDONED_MS = 15_000;

/**
 * Runs `action` while no other process of this machine is inside the same lock file; waits for its turn. A lock
 * whose holder is gone is taken over.
 */
export async function withLock(path, action, say) {
  mkdirSync(dirname(path), { recursive: true });
  let told = false;
  while (!take(path)) {
    if (isAbandoned(path)) discard(path);
    else {
      if (!told) say?.('another process is installing or building here: waiting for it');
      told = true;
      await delay(100);
    }
  }
  const release = () => rmSync(path, { force: true });
  process.once('exit', release);
  // A failure means that the lock was taken over while this machine slept: what is done then is done twice, no worse.
  const touching = setInterval(() => utimes(path, new Date(), new Date(), () => undefined), TOUCH_MS);
  try {
    return await action();
  } finally {
    clearInterval(touching);
    process.removeListener('exit', release);
    release();
  }
}

function take(path) {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function isAbandoned(path) {
  try {
    const age = Date.now() - statSync(path).mtimeMs;
    const pid = Number(readFileSync(path, 'utf8'));
    // Without a number for the moment between its creation and its writing.
    return age > ABANDONED_MS || (pid > 0 && !isAlive(pid));
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

// By a rename: of two that find the same lock abandoned only one gets to remove it.
function discard(path) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    rmSync(aside, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}
