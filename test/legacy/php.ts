import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface PhpRun {
  library: string;
  style: string;
  /** `exit` leaves the closing to the process's end. */
  ending: 'close' | 'drop' | 'exit' | 'reset';
  count: number;
  /** `host:port`. */
  server: string;
  /** What the texts begin with; `prefixOf(run)` by default. */
  prefix?: string;
}

export interface PhpResult {
  status: number;
  /** stdout and stderr. */
  output: string;
}

const script = (name: string): string => fileURLToPath(new URL(`php/${name}`, import.meta.url));

export async function runPhp(name: string, args: readonly string[]): Promise<PhpResult> {
  return await new Promise((resolve) => {
    execFile('php', [script(name), ...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ status, output: stdout + stderr });
    });
  });
}

/** Each message comes from a PHP process of its own; the text of the n-th is `prefix-n`. */
export async function notifyByPhp(run: PhpRun): Promise<PhpResult> {
  return await runPhp('notify.php', [
    run.library,
    run.style,
    run.ending,
    `${run.count}`,
    run.server,
    run.prefix ?? prefixOf(run),
  ]);
}

export const prefixOf = ({ library, style, ending }: Pick<PhpRun, 'library' | 'style' | 'ending'>): string =>
  `${library}/${style}/${ending}`;

export const phpStyles = (): string[] =>
  execFileSync('php', [script('notify.php'), '-', 'list', '-', '0', '-'], { encoding: 'utf8' })
    .trim()
    .split('\n');
