import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTeardown } from '../support/teardown.js';

export interface ServerProcess {
  readonly pid: number;
  /** May be called again; whoever starts it need not, for the end of the run does. */
  stop(): Promise<void>;
}

export interface Launch {
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Where its output goes: to a file as in production, not through this process. */
  readonly log: string;
}

const PATIENCE = 15_000;
// A benchmark that is killed leaves no server behind.
const dieWithParent = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL'] : [];

/** Starts a program and resolves with its first output line that `ready` makes something of. */
export async function launch<T>(
  { command, env, cwd, log }: Launch,
  ready: (line: string) => T | undefined,
): Promise<{ readonly process: ServerProcess; readonly said: T }> {
  const [program = '', ...args] = [...dieWithParent, ...command];
  const output = openSync(log, 'w');
  const { PATH, HOME } = process.env;
  const child = spawn(program, args, {
    cwd,
    env: { PATH: `${PATH}:/usr/sbin`, HOME, ...env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const ended = once(child, 'close');
  const running: ServerProcess = {
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
  onTeardown(running.stop);
  const until = Date.now() + PATIENCE;
  while (child.exitCode === null && Date.now() < until) {
    const said = readFileSync(log, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map(ready)
      .find((answer) => answer !== undefined);
    if (said !== undefined) return { process: running, said };
    await sleep(20);
  }
  await running.stop();
  throw new Error(`${command.join(' ')} did not start: ${readFileSync(log, 'utf8').slice(-2_000)}`);
}
