import { fileURLToPath } from 'node:url';
import { keepLogLine } from './logs.js';
import { type Child, type Exit, startChild } from './process.js';
import { onTeardown } from './teardown.js';
import { tempDir } from './temp.js';
import { SECRET } from './tokens.js';
import { until, within } from './until.js';

/** The built command line. */
export const ENTRY = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** `undefined` leaves a variable out, the defaults below included. */
export type RelayEnv = Record<string, string | number | undefined>;

export interface Relay {
  /** The public listener, `http://127.0.0.1:<port>`: what `io(url)` is given. */
  readonly url: string;
  readonly internalUrl: string;
  readonly pid: number;
  /** Each JSON line of the log, parsed. */
  readonly logs: readonly LogLine[];
  /** Everything printed that is no JSON. */
  readonly text: readonly string[];
  readonly exited: Promise<Exit>;
  /** The first log line, past ones included, that `matches`. */
  log(what: string, matches: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
  signal(name: NodeJS.Signals): void;
  stop(graceMs?: number): Promise<Exit>;
  kill9(): Promise<Exit>;
}

export type LogLine = Record<string, unknown>;

const DEFAULTS: RelayEnv = {
  RELAY_HOST: '127.0.0.1',
  RELAY_PORT: 0,
  RELAY_INTERNAL_PORT: 0,
  RELAY_SECRET: SECRET,
  RELAY_DRAIN_SECONDS: 0,
  RELAY_LOG_LEVEL: 'debug',
};

/** Starts the built relay as its users do, and waits until it says that it is ready. */
export async function startRelay(env: RelayEnv = {}, cwd?: string): Promise<Relay> {
  const { child, logs, text } = await launch(['start'], env, cwd);
  const log: Relay['log'] = (what, matches, timeoutMs = 10_000) => {
    const probe = () => logs.find(matches) ?? (child.running ? undefined : Promise.reject(new Error('it exited')));
    return until(`${what}, in the log of the relay:\n${child.output.slice(-30).join('\n')}`, probe, timeoutMs);
  };
  const started = log('its addresses', (line) => typeof line.public === 'string', 15_000);
  const gone = child.exited.then(({ code, signal }) => {
    throw new Error(`the relay exited (${code ?? signal}) at start:\n${child.output.join('\n')}`);
  });
  const addresses = await Promise.race([started, gone]);
  const url = String(addresses.public);
  const internalUrl = String(addresses.internal);
  await until('the relay to be ready', async () => (await fetch(`${internalUrl}/health/ready`)).ok, 15_000);

  return {
    url,
    internalUrl,
    pid: child.pid,
    logs,
    text,
    exited: child.exited,
    log,
    signal: child.signal,
    stop: child.stop,
    kill9: child.kill,
  };
}

/** Runs the built command line to its end, as for `check-config`, `token`, or a start that is to be refused. */
export async function runRelay(
  args: readonly string[],
  env: RelayEnv = {},
  cwd?: string,
): Promise<Exit & { output: string[] }> {
  const { child } = await launch(args, env, cwd);
  const exit = await within(`relay ${args.join(' ')} to end`, child.exited, 20_000);
  return { ...exit, output: child.output };
}

async function launch(args: readonly string[], env: RelayEnv, cwd?: string) {
  if (process.env.TEST_BUILD_ERROR) throw new Error(`dist/ could not be built:\n${process.env.TEST_BUILD_ERROR}`);
  const logs: LogLine[] = [];
  const text: string[] = [];
  const onLine = (line: string): void => {
    const parsed = parse(line);
    // the line to paste is printed for its token
    if (!line.startsWith('curl ')) keepLogLine(line);
    if (parsed) logs.push(parsed);
    else text.push(line);
  };
  const all = Object.entries({ ...DEFAULTS, ...env }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as const],
  );
  // An empty folder to run in: a developer's own .env is not to be read by a test.
  const options = { cwd: cwd ?? (await tempDir()), env: Object.fromEntries(all), onLine };
  const child: Child = startChild(process.execPath, [ENTRY, ...args], options);
  onTeardown(() => child.stop());
  return { child, logs, text };
}

function parse(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
