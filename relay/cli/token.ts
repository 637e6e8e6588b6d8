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
    if (token === undefined) return usage('');
    process.stdout.write(values.json === true ? `${JSON.stringify({ token })}\n` : `${token}\n`);
    return 0;
  } catch (error) {
    if (error instanceof TypeError) return usage(error.message);
    return reportProblems(error);
  }
}

function make([kind, user]: readonly string[], { body, life }: { body?: string; life?: string }): string | undefined {
  if (kind !== 'client' && kind !== 'internal') return undefined;
  const { config } = parseSettings(readEnvironment());
  if (config.secretMadeUp) process.stderr.write('warning: RELAY_SECRET is not set; no relay will believe this token\n');
  const tokens = createTokens(config.secret, undefined);
  if (kind === 'internal') {
    const raw = body === undefined ? undefined : readFileSync(body === '-' ? 0 : body);
    return tokens.signCall('relay:internal', raw, INTERNAL_LIFE);
  }
  const id = userIdOf(user);
  if (id === undefined) return undefined;
  return tokens.signClient(id, life === undefined ? CLIENT_LIFE : Number(life));
}

function usage(problem: string): number {
  process.stderr.write(`${problem === '' ? '' : `relay token: ${problem}\n`}${USAGE}\n`);
  return 64;
}
