import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { type Config, ConfigError, parseAgain, parseConfig } from '../config.js';

/** Exit status of a bad configuration: EX_CONFIG of sysexits.h. */
export const EX_CONFIG = 78;

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment, and `.env` of the working folder, which yields to it. @throws ConfigError */
export function readEnvironment(): Environment {
  const file = existsSync('.env') ? parseEnv(readDotEnv()) : {};
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

function readDotEnv(): string {
  try {
    return readFile('.env');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    const mend =
      code === 'EACCES'
        ? 'run this as the user that may read it, as in: sudo -u relay node dist/main.js check-config'
        : 'it is to be a file of lines like RELAY_PORT=3000';
    throw new ConfigError([{ variable: '.env', message: `can't be read (${code}: ${resolve('.env')}): ${mend}` }], []);
  }
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
