import { parseArgs } from 'node:util';
import type { Config } from '../config.js';
import { printMapping, type SeenShape } from '../legacy/learn.js';
import { isPayload } from '../messages/legacy-fields.js';
import { createTokens } from '../tokens.js';
import { parseSettings, readEnvironment, reportProblems } from './environment.js';

const USAGE = 'usage: relay learn [--internal URL] [--json]';
const EX_USAGE = 64;
const WITHIN_MS = 5_000;

/** Something to tell the owner in one line. */
class LearnError extends Error {}

/**
 * `relay learn`: what pages and old notifiers said to the running relay that it did not understand, as a
 * `RELAY_LEGACY_FIELDS` line to paste. With more than one replica: of the one that `--internal` names.
 */
export async function learn(args: readonly string[]): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { internal: { type: 'string' }, json: { type: 'boolean' } },
    });
    const { config } = parseSettings(readEnvironment());
    const shapes = await ask(values.internal ?? internalUrl(config), config);
    process.stdout.write(values.json === true ? `${JSON.stringify({ shapes }, undefined, 2)}\n` : printMapping(shapes));
    return 0;
  } catch (error) {
    if (error instanceof LearnError) return fail(error.message, 1);
    if (error instanceof TypeError) return fail(`${error.message}\n${USAGE}`, EX_USAGE);
    return reportProblems(error);
  }
}

async function ask(base: string, config: Config): Promise<SeenShape[]> {
  if (config.secretMadeUp) {
    throw new LearnError('RELAY_SECRET is not set: give the one that the relay runs with, it guards its internal API');
  }
  if (!URL.canParse('/legacy/shapes', base)) throw new LearnError(`--internal must be a URL, not ${base}`);
  const token = createTokens(config.secret, undefined).signCall('relay:internal', undefined);
  const response = await fetch(new URL('/legacy/shapes', base), {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(WITHIN_MS),
  }).catch((error: unknown) => {
    throw new LearnError(
      `no relay answers at ${base} (${reasonOf(error)}): is it running, and is that its internal listener? --internal URL names another`,
    );
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok && isPayload(body) && Array.isArray(body.shapes)) return body.shapes as SeenShape[];
  throw new LearnError(refusalOf(base, response.status, body));
}

function refusalOf(base: string, status: number, body: unknown): string {
  const error = isPayload(body) && isPayload(body.error) ? body.error : {};
  const told = `${status}${typeof error.code === 'string' ? ` ${error.code}` : ''}`;
  if (error.code === 'token_expired') return `${base} answered ${told}: the clocks differ: ${error.message}`;
  if (status === 401) return `${base} answered ${told}: RELAY_SECRET here is not the one that the relay runs with`;
  return `${base} answered ${told}: that is no internal listener of a relay of this version`;
}

/** Where this machine reaches the internal listener of the same settings. */
function internalUrl({ internalHost, internalPort }: Config): string {
  const host = internalHost === '0.0.0.0' ? '127.0.0.1' : internalHost === '::' ? '::1' : internalHost;
  return `http://${host.includes(':') ? `[${host}]` : host}:${internalPort}`;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (cause instanceof Error) return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  return String(cause);
}

function fail(message: string, status: number): number {
  process.stderr.write(`relay learn: ${message}\n`);
  return status;
}
