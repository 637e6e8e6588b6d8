import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createTokens } from '../tokens.js';
import { userIdOf } from '../user-id.js';
import { parseSettings, readEnvironment, reportProblems } from './environment.js';

const USAGE =
  'usage: relay token client USER [--life SECONDS] [--json]\n       relay token internal [--body FILE] [--json]';
/** Seconds. */
const CLIENT_LIFE = 3_600;
const INTERNAL_LIFE = 300;

/** `relay token client 17`, `relay token internal --body FILE`: prints a token made with `RELAY_SECRET`. */
export async function printToken(args: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { body: { type: 'string' }, life: { type: 'string' }, json: { type: 'boolean' } },
    });
    const token = make(positionals, values);
    process.stdout.write(values.json === true ? `${JSON.stringify({ token })}\n` : `${token}\n`);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) return usage(error.message);
    if (error instanceof TypeError && 'code' in error) return usage(error.message);
    return reportProblems(error);
  }
}

function make([kind, user]: readonly string[], { body, life }: { body?: string; life?: string }): string {
  if (kind !== 'client' && kind !== 'internal') throw new UsageError('client or internal is to be named');
  // asked for before the settings are read: what is wrong with the call is told by whatever settings
  const id = kind === 'client' ? userIdOf(user) : undefined;
  if (kind === 'client' && id === undefined) throw new UsageError('USER must be an id of 1 to 128 characters');
  const seconds = readLife(life);
  const raw = body === undefined ? undefined : readBody(body);
  const { config } = parseSettings(readEnvironment());
  if (config.secretMadeUp) process.stderr.write('warning: RELAY_SECRET is not set; no relay will believe this token\n');
  const tokens = createTokens(config.secret, undefined);
  return id === undefined ? tokens.signCall('relay:internal', raw, INTERNAL_LIFE) : tokens.signClient(id, seconds);
}

function readLife(text: string | undefined): number {
  if (text === undefined) return CLIENT_LIFE;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new UsageError('--life must be a whole number of seconds from 1');
  return Number(text);
}

function readBody(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw new UsageError(`--body can't be read: ${error instanceof Error ? error.message : file}`);
  }
}

class UsageError extends Error {}

function usage(problem: string): number {
  process.stderr.write(`relay token: ${problem}\n${USAGE}\n`);
  return 64;
}
