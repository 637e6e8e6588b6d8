import { freePort } from './ports.js';
import { type Exit, startChild } from './process.js';
import { onTeardown } from './teardown.js';
import { until, within } from './until.js';

export interface PhpOptions {
  /** The document root. */
  root: string;
  /** A router script, as `php -S` takes it. */
  router?: string;
  env?: Record<string, string>;
  /** Processes that answer at once. A page whose relay calls back into PHP needs two at least. */
  workers?: number;
  ini?: Record<string, string>;
}

export interface Php {
  readonly url: string;
  /** Warnings, errors and the access log. */
  readonly output: readonly string[];
  stop(): Promise<Exit>;
}

/** PHP's own web server on a free port. */
export async function startPhp({ root, router, env, workers = 4, ini = {} }: PhpOptions): Promise<Php> {
  const port = await freePort();
  const args = [...iniArgs(ini), '-S', `127.0.0.1:${port}`, '-t', root, ...(router ? [router] : [])];
  const child = startChild('php', args, { env: { ...env, PHP_CLI_SERVER_WORKERS: String(workers) } });
  // By its group: with workers the first process does not always take them along.
  onTeardown(() => child.kill());
  const url = `http://127.0.0.1:${port}`;
  const answers = async () => (child.running ? await fetch(`${url}/`, { redirect: 'manual' }) : undefined);
  await until(`php -S to answer:\n${child.output.join('\n')}`, answers, 10_000);
  return { url, output: child.output, stop: child.kill };
}

/** Runs a PHP script to its end. */
export async function runPhp(args: readonly string[], env: Record<string, string> = {}, timeoutMs = 20_000) {
  const child = startChild('php', args, { env });
  onTeardown(() => child.kill());
  const exit = await within(`php ${args.join(' ')} to end`, child.exited, timeoutMs);
  return { ...exit, output: child.output };
}

const iniArgs = (ini: Record<string, string>): string[] =>
  Object.entries({ display_errors: 'stderr', error_reporting: '-1', ...ini }).flatMap(([k, v]) => ['-d', `${k}=${v}`]);
