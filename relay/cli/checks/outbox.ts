import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Payload } from '../../messages/legacy-fields.js';
import type { Environment } from '../environment.js';
import { type Finding, fail, ok, unchecked, warn } from '../finding.js';
import { objectOf } from '../json.js';
import { complaintIn } from './backend-shape.js';

const SCRIPT = fileURLToPath(new URL('../../../php-bridge/bin/outbox', import.meta.url));
const WITHIN = 10_000;
/** A drain that runs takes a row within seconds; one this old waits for a drain that does not run. Seconds. */
const NOTABLE = 10;
const STUCK = 60;

const DRAIN = 'php php-bridge/bin/outbox --watch   # keep it running: systemd, supervisor, or --once from cron';
const LOOK = 'php php-bridge/bin/outbox --once   # says what keeps them';

/** What PHP has committed and the relay has not taken; asked of PHP's own command. */
export async function checkOutbox(env: Environment, within = WITHIN): Promise<Finding> {
  if (!env.SITE_DB_DSN) return unchecked('outbox', 'SITE_DB_DSN is not set here');
  if (!existsSync(SCRIPT)) return unchecked('outbox', 'php-bridge/bin/outbox is not beside this program');
  const { status, out, err } = await run(env, within);
  if (status === 'missing') return unchecked('outbox', 'there is no php on this machine');
  const figures = objectOf(out);
  if (figures !== undefined) return judge(figures);
  const why =
    status === 'late' ? 'no answer in time' : saidBy(err || out) || `PHP ended with ${status} and said nothing`;
  return fail('outbox', `can't be read: ${why}`, 'php php-bridge/bin/outbox --status');
}

/** What PHP itself complains about, else the last line: the command's own. */
function saidBy(text: string): string {
  return complaintIn(text) ?? (text.trim().split('\n').at(-1) ?? '').replace(/^\S+Z outbox: /, '');
}

function judge({ waiting, oldest_seconds: oldest, failed, last_error: error }: Payload): Finding {
  const age = Math.round(Number(oldest ?? 0));
  const last = typeof error === 'string' ? `; last error: ${error}` : '';
  if (age >= STUCK) {
    const why = `stuck: ${waiting} messages wait, the oldest for ${age} s; nobody drains, or the relay refuses${last}`;
    return fail('outbox', why, DRAIN, LOOK);
  }
  if (Number(failed) > 0) {
    const why = `${failed} messages were refused for good${last}`;
    return warn('outbox', why, 'php php-bridge/bin/outbox --requeue   # after the cause is mended');
  }
  if (age >= NOTABLE) return warn('outbox', `${waiting} messages wait, the oldest for ${age} s${last}`, DRAIN, LOOK);
  return ok('outbox', Number(waiting) === 0 ? 'nothing waits' : `${waiting} messages wait, the oldest for ${age} s`);
}

interface Ran {
  readonly status: number | 'missing' | 'late';
  readonly out: string;
  readonly err: string;
}

function run(env: Environment, within: number): Promise<Ran> {
  const php = spawn('php', [SCRIPT, '--status', '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: within,
    killSignal: 'SIGKILL',
  });
  let out = '';
  let err = '';
  php.stdout.setEncoding('utf8').on('data', (piece: string) => {
    out += piece;
  });
  php.stderr.setEncoding('utf8').on('data', (piece: string) => {
    err += piece;
  });
  return new Promise((resolve) => {
    php.once('error', () => resolve({ status: 'missing', out, err }));
    php.once('close', (code) => resolve({ status: php.killed ? 'late' : (code ?? 1), out, err }));
  });
}
