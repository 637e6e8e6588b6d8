import { randomBytes } from 'node:crypto';
import { advice, contradictions } from './settings/contradictions.js';
import { nearest } from './settings/nearest.js';
import type { Problem } from './settings/problem.js';
import { SETTINGS, type Setting, type Settings } from './settings/table.js';
import { tlsProblems } from './settings/tls-files.js';

export interface Config extends Settings {
  readonly secret: string;
  /** `undefined`: outside production any page of this machine; in production none. */
  readonly allowedOrigins: readonly string[] | undefined;
  readonly production: boolean;
  /** No secret was set: this one is of this run only. */
  readonly secretMadeUp: boolean;
}

export class ConfigError extends Error {
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];

  constructor(problems: readonly Problem[], warnings: readonly string[]) {
    super(problems.map(({ variable, message }) => `${variable} ${message}`).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
    this.warnings = warnings;
  }
}

export interface ConfigSource {
  /** Environment variables; an empty one is unset. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a text file; throws when it can't. */
  readonly readFile: (path: string) => string;
  /** A listener is to be opened with them: the TLS files have to be good. A token is made where they can't be read. */
  readonly listens?: boolean;
}

/**
 * All settings, or all that is wrong with them at once.
 * @throws ConfigError
 */
export function parseConfig(source: ConfigSource): { config: Config; warnings: readonly string[] } {
  const { settings, problems, production, bad } = readSettings(source, ({ fallback }) => fallback);
  if (source.listens === true) problems.push(...tlsProblems(settings, source.readFile));
  const warnings = unknownVariables(source.env);
  for (const { variable, message } of advice(settings, production)) {
    if (!bad.has(variable)) warnings.push(`${variable} ${message}`);
  }
  if (problems.length > 0) throw new ConfigError(problems, warnings);
  const secret = settings.secret ?? randomBytes(32).toString('hex');
  const secretMadeUp = settings.secret === undefined;
  return { config: Object.freeze({ ...settings, secret, secretMadeUp, production }), warnings };
}

/** The settings once more, while the relay runs by `old`: each good one is taken, a bad one stays what it was. */
export function parseAgain(source: ConfigSource, old: Config): { config: Config; problems: readonly Problem[] } {
  const { settings, problems, production } = readSettings(source, (_row, name) => Reflect.get(old, name));
  // without one, in production a problem, nobody is to be logged out
  const secret = settings.secret ?? old.secret;
  const secretMadeUp = old.secretMadeUp && secret === old.secret;
  return { config: Object.freeze({ ...settings, secret, secretMadeUp, production }), problems };
}

/** @param instead what stands for a bad value. `bad`: the variables that hold one. */
function readSettings({ env, readFile }: ConfigSource, instead: (row: Setting<unknown>, name: string) => unknown) {
  const problems: Problem[] = [];

  function value(row: Setting<unknown>, name: string): unknown {
    try {
      const text = rawValue(row, env, readFile);
      return text === undefined ? row.fallback : row.parse(text);
    } catch (error) {
      problems.push({ variable: row.variable, message: error instanceof Error ? error.message : String(error) });
      return instead(row, name);
    }
  }

  const settings = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, row]) => [name, value(row as Setting<unknown>, name)]),
  ) as Settings;
  const production = env.NODE_ENV === 'production';
  const bad = new Set(problems.map(({ variable }) => variable));
  // what is said of a stand-in for a bad value would be a second problem that is none
  problems.push(...contradictions(settings, production).filter(({ variable }) => !bad.has(variable)));
  return { settings, problems, production, bad };
}

function rawValue(row: Setting<unknown>, env: ConfigSource['env'], readFile: (path: string) => string) {
  const direct = env[row.variable] || undefined;
  const path = row.file === true ? env[`${row.variable}_FILE`] || undefined : undefined;
  if (path === undefined) return direct;
  if (direct !== undefined) throw new Error(`and ${row.variable}_FILE are both set: set one of them`);
  const text = contentOf(path, readFile);
  if (text === undefined) throw new Error(`: the file that ${row.variable}_FILE names can't be read: ${path}`);
  // a relay without its Redis or its origins would run all the same, and as nobody wants it
  if (text === '' && row.variable !== EMPTIED)
    throw new Error(`: the file that ${row.variable}_FILE names is empty: ${path}`);
  return text || undefined;
}

/** Its file is emptied when the old secret has had its time. */
const EMPTIED = 'RELAY_PREVIOUS_SECRET';

function contentOf(path: string, readFile: (path: string) => string): string | undefined {
  try {
    return readFile(path).trim();
  } catch {
    return undefined;
  }
}

function unknownVariables(env: ConfigSource['env']): string[] {
  const known = Object.values(SETTINGS).flatMap((row: Setting<unknown>) =>
    row.file === true ? [row.variable, `${row.variable}_FILE`] : [row.variable],
  );
  return Object.keys(env)
    .filter((name) => name.startsWith('RELAY_') && env[name] && !known.includes(name))
    .filter((name) => !USED_BY_PHP.includes(name))
    .map((name) => `${name} is not a setting; did you mean ${nearest(name, known)}?`);
}

/** Read by the PHP side, and often in the same environment or file (CONTRACT section 13). */
const USED_BY_PHP: readonly string[] = ['RELAY_INTERNAL_URL', 'RELAY_PUBLIC_URL'];
