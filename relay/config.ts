import { randomBytes } from 'node:crypto';
import { nearest } from './settings/nearest.js';
import { SETTINGS, type Setting, type Settings } from './settings/table.js';

export interface Config extends Settings {
  readonly secret: string;
  /** `undefined`: outside production any page of this machine; in production none. */
  readonly allowedOrigins: readonly string[] | undefined;
  readonly production: boolean;
  /** No secret was set: this one is of this run only. */
  readonly secretMadeUp: boolean;
}

/** One problem of one variable: what it would take. Never holds the value of a secret. */
export interface Problem {
  readonly variable: string;
  readonly message: string;
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
}

/**
 * All settings, or all that is wrong with them at once.
 * @throws ConfigError
 */
export function parseConfig({ env, readFile }: ConfigSource): { config: Config; warnings: readonly string[] } {
  const problems: Problem[] = [];
  const production = env.NODE_ENV === 'production';
  const warnings = unknownVariables(env);

  function value<T>(row: Setting<T>): T {
    try {
      const text = rawValue(row, env, readFile);
      return text === undefined ? row.fallback : row.parse(text);
    } catch (error) {
      problems.push({ variable: row.variable, message: error instanceof Error ? error.message : String(error) });
      return row.fallback;
    }
  }

  const settings = Object.fromEntries(
    Object.entries(SETTINGS).map(([name, row]) => [name, value(row as Setting<unknown>)]),
  ) as Settings;
  problems.push(...contradictions(settings, production));
  warnings.push(...advice(settings, production));
  if (problems.length > 0) throw new ConfigError(problems, warnings);
  const secret = settings.secret ?? randomBytes(32).toString('hex');
  const secretMadeUp = settings.secret === undefined;
  return { config: Object.freeze({ ...settings, secret, secretMadeUp, production }), warnings };
}

function rawValue(row: Setting<unknown>, env: ConfigSource['env'], readFile: (path: string) => string) {
  const direct = env[row.variable] || undefined;
  const path = row.file === true ? env[`${row.variable}_FILE`] || undefined : undefined;
  if (path === undefined) return direct;
  if (direct !== undefined) throw new Error(`and ${row.variable}_FILE are both set: set one of them`);
  try {
    return readFile(path).trim() || undefined;
  } catch {
    throw new Error(`: the file that ${row.variable}_FILE names can't be read: ${path}`);
  }
}

function contradictions(settings: Settings, production: boolean): Problem[] {
  const problems: Problem[] = [];
  const need = (broken: boolean, variable: string, message: string) => {
    if (broken) problems.push({ variable, message });
  };
  const noBackend = settings.backendUrl === undefined;
  need(production && settings.secret === undefined, 'RELAY_SECRET', 'must be set in production (at least 32 bytes)');
  need(
    settings.identity.includes('session') && noBackend,
    'RELAY_BACKEND_URL',
    'must be set when RELAY_IDENTITY names session',
  );
  need(
    settings.clientSend === 'persist' && noBackend,
    'RELAY_BACKEND_URL',
    'must be set when RELAY_CLIENT_SEND is persist',
  );
  need(
    settings.emitterKey !== undefined && settings.redisUrl === undefined,
    'RELAY_REDIS_URL',
    'must be set when RELAY_EMITTER_KEY is',
  );
  const cert = settings.tlsCertFile !== undefined;
  const key = settings.tlsKeyFile !== undefined;
  need(cert && !key, 'RELAY_TLS_KEY_FILE', 'must be set when RELAY_TLS_CERT_FILE is');
  need(key && !cert, 'RELAY_TLS_CERT_FILE', 'must be set when RELAY_TLS_KEY_FILE is');
  return problems;
}

function advice(settings: Settings, production: boolean): string[] {
  const lines: string[] = [];
  if (production && settings.allowedOrigins === undefined) {
    lines.push('RELAY_ALLOWED_ORIGINS is not set: every browser will be refused. Set it to the origins of your pages');
  }
  if (settings.identity.includes('claim')) {
    lines.push('RELAY_IDENTITY names claim: register_user is believed without proof, anyone can read as anyone');
  }
  return lines;
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
