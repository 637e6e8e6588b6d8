import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { within } from './until.js';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  env?: Record<string, string | undefined>;
  cwd?: string;
  onLine?: (line: string) => void;
}

export interface Child {
  readonly pid: number;
  /** stdout and stderr, line by line, as they came. */
  readonly output: string[];
  readonly exited: Promise<Exit>;
  readonly running: boolean;
  /** Signals the process alone; `stop` and `kill` reach its whole group. */
  signal(name: NodeJS.Signals): void;
  /** The first line that matches, past ones included; throws when the process exits before. */
  line(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** SIGTERM, and a failure when the process is still there after `graceMs`. */
  stop(graceMs?: number, signal?: NodeJS.Signals): Promise<Exit>;
  kill(): Promise<Exit>;
}

const alive = new Set<Child>();
process.on('exit', () => {
  for (const child of alive) signalGroup(child.pid, 'SIGKILL');
});

/** The children that have not exited; a test file that ends with one has leaked it. */
export const runningChildren = (): readonly Child[] => [...alive];

// Without it a worker that is killed (a time-out, Ctrl-C twice) would leave its servers behind for ever.
const dieWithParent = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL'] : [];

/** Starts a program in a process group of its own. `env` is the whole environment but for PATH, HOME and TMPDIR. */
export function startChild(command: string, args: readonly string[], options: ChildOptions = {}): Child {
  const [program = command, ...rest] = [...dieWithParent, command, ...args];
  const { PATH, HOME, TMPDIR } = process.env;
  const proc = spawn(program, rest, {
    cwd: options.cwd,
    // Debian keeps its servers in /usr/sbin, which is not on the PATH of everyone.
    env: { PATH: `${PATH}:/usr/sbin`, HOME, TMPDIR, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output: string[] = [];
  const listeners = new Set<(line: string) => void>(options.onLine ? [options.onLine] : []);
  const take = (line: string): void => {
    output.push(line);
    for (const listener of listeners) listener(line);
  };
  for (const stream of [proc.stdout, proc.stderr]) createInterface({ input: stream }).on('line', take);

  let running = true;
  const exited = new Promise<Exit>((resolve) => {
    proc.once('error', (error) => take(`${command}: ${error.message}`));
    proc.once('close', (code, signal) => {
      running = false;
      alive.delete(child);
      resolve({ code, signal });
    });
  });
  const told = (): string => `${command} ${args.join(' ')}\n${output.slice(-40).join('\n')}`;

  const child: Child = {
    pid: proc.pid ?? 0,
    output,
    exited,
    get running() {
      return running;
    },
    signal: (name) => void proc.kill(name),
    async line(pattern, timeoutMs = 15_000) {
      const past = output.find((line) => pattern.test(line));
      if (past !== undefined) return past;
      let listener: ((line: string) => void) | undefined;
      const found = new Promise<string>((resolve, reject) => {
        listener = (line) => pattern.test(line) && resolve(line);
        listeners.add(listener);
        void exited.then(({ code, signal }) => reject(new Error(`exited (${code ?? signal}): ${told()}`)));
      });
      return await within(`a line like ${pattern} from ${told()}`, found, timeoutMs).finally(() => {
        if (listener) listeners.delete(listener);
      });
    },
    async stop(graceMs = 10_000, signal = 'SIGTERM') {
      if (!running) return exited;
      signalGroup(child.pid, 'SIGCONT');
      proc.kill(signal);
      return await within(`${signal} to end ${command}`, exited, graceMs)
        .catch((error: Error) => {
          throw new Error(`${error.message}; it printed: ${told()}`);
        })
        .finally(() => signalGroup(child.pid, 'SIGKILL'));
    },
    async kill() {
      signalGroup(child.pid, 'SIGKILL');
      return await exited;
    },
  };
  alive.add(child);
  return child;
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid === 0) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
