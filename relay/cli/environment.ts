import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { type Config, ConfigError, parseAgain, parseConfig } from '../config.js';

/** Exit status of a bad configuration: EX_CONFIG of sysexits.h. */
export const EX_CONFIG = 78;

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment, and `.env` of the working folder, which yields to it. */
export function readEnvironment(): Environment {
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
  const set = Object.entries(process.env).filter(([, value]) => value !== undefined && value !== '');
  return { ...file, ...Object.fromEntries(set) };
}

/** For commands that open no listener. @throws ConfigError */
export function parseSettings(env: Environment): { config: Config; warnings: readonly string[] } {
  return parseConfig({ env, readFile });
}

/** The settings of `readEnvironment` as a start takes them. @throws ConfigError */
export function readConfig(): { config: Config; warnings: readonly string[] } {
  return parseConfig({ env: readEnvironment(), readFile, listens: true });
}

/** The same while the relay runs by `old`; what is bad stays as it is there. */
export function readConfigAgain(old: Config): ReturnType<typeof parseAgain> {
  return parseAgain({ env: readEnvironment(), readFile }, old);
}

function readFile(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Lists every problem on stderr. Answers the exit status. */
export function reportProblems(error: unknown): number {
  if (!(error instanceof ConfigError)) throw error;
  const count = error.problems.length;
  const lines = [
    `The settings have ${count === 1 ? 'a problem' : `${count} problems`}:`,
    ...error.problems.map(({ variable, message }) => `  ${variable} ${message}`),
    ...error.warnings.map((warning) => `  warning: ${warning}`),
  ];
  process.stderr.write(`${lines.join('\n')}\n`);
  return EX_CONFIG;
}
