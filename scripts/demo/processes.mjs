import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

// Killed with -9, the demo could take nothing down; Linux can do that for it.
const dieWithParent = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'TERM'] : [];

/**
 * Servers that run until all of them are stopped, each with its output in a file of `folder`.
 * `onExit(name, tail)` is called when one ends by itself.
 */
export function createProcesses(folder, onExit) {
  const running = [];
  let stopping = false;

  return {
    start(name, command, args, options = {}) {
      const file = join(folder, `${name}.log`);
      const log = openSync(file, 'a');
      // A group of its own: Ctrl-C in the terminal reaches only the demo, which then stops them in order.
      const [program, ...rest] = [...dieWithParent, command, ...args];
      const child = spawn(program, rest, { ...options, detached: true, stdio: ['ignore', log, log] });
      const ended = new Promise((resolve) => {
        child.once('error', resolve);
        child.once('exit', resolve);
      });
      void ended.then(() => {
        if (!stopping) onExit(name, readFileSync(file, 'utf8').trim().split('\n').slice(-8).join('\n'));
      });
      running.push({ child, ended });
    },

    async stop() {
      stopping = true;
      for (const { child, ended } of running.reverse()) {
        signal(child, 'SIGTERM');
        await Promise.race([ended, sleep(8000, undefined, { ref: false })]);
        signal(child, 'SIGKILL');
      }
    },
  };
}

function signal(child, name) {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Resolves once `check` gives true; it may throw meanwhile. Rejects after `seconds`. */
export async function until(what, check, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    if (await Promise.resolve(check()).catch(() => false)) return;
    await sleep(100);
  }
  throw new Error(`${what} did not get ready within ${seconds} s.`);
}

/** The port that was wished for where it is free on 127.0.0.1, else any free one. */
export function freePort(wished) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (wished === 0 ? reject(error) : resolve(freePort(0))));
    server.listen(wished, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
