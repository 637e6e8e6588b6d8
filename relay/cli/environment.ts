import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { type Config, ConfigError, parseConfig } from '../config.js';

/** Exit status of a bad configuration: EX_CONFIG of sysexits.h. */
export const EX_CONFIG = 78;

/** The settings of the environment and of `.env` in the working folder, which yields to it. @throws ConfigError */
export function readConfig(): { config: Config; warnings: readonly string[] } {
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {};
  const set = Object.entries(process.env).filter(([, value]) => value !== undefined && value !== '');
  return parseConfig({
    env: { ...file, ...Object.fromEntries(set) },
    readFile: (path) => readFileSync(path, 'utf8'),
  });
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
