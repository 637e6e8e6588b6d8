import type { Payload } from '../../messages/legacy-fields.js';
import type { Tokens } from '../../tokens.js';
import { reasonOf } from '../ask.js';
import { type Finding, fail, ok, unchecked, warn } from '../finding.js';
import { describe, errorOf } from '../json.js';
import { misshapen } from './backend-shape.js';

/** What the relay gives the backend (CONTRACT section 7), and where a page begins to feel it, milliseconds. */
const TIMEOUT = 2_000;
const SLOW = 500;

const IDENTIFY = { action: 'identify', cookie: 'relay_doctor=1' };
const MEMBERS = { action: 'members', conversation_id: 1 };

/** The code of php-bridge, for an action without a callable. */
const LEFT_OUT = 'unknown_action';
/** The callables of php-bridge, for a site that has left one out. */
const CALLABLES: Readonly<Record<string, string>> = {
  identify: "'identify' => function (array $session) { return $session['user_id'] ?? null; },",
  members: "'members' => function ($conversation) { return [3, 17]; },   // the ids of who is in it",
};

/**
 * PHP's endpoint, asked as the relay asks it: `fetch`, no redirects, the relay's own patience. `sessions`: whether
 * RELAY_IDENTITY names them; without, nobody asks PHP who a visitor is.
 */
export async function checkBackend(url: string, tokens: Tokens, sessions: boolean): Promise<readonly Finding[]> {
  const identify = sessions
    ? await checkAction(url, tokens, IDENTIFY, ({ user_id: user }) =>
        user === null || typeof user === 'number' || typeof user === 'string'
          ? undefined
          : '{"user_id": 17} or {"user_id": null}',
      )
    : unchecked('backend identify', 'RELAY_IDENTITY does not name session: the relay never asks it');
  // what keeps one from being answered keeps the other from it too, unless it is one that the site left out
  if (identify.verdict === 'FAIL' && !identify.message.includes(LEFT_OUT)) return [identify];
  const members = await checkAction(url, tokens, MEMBERS, ({ members }) =>
    members === null || Array.isArray(members) ? undefined : '{"members": [3, 17]}',
  );
  return [identify, members];
}

async function checkAction(
  url: string,
  tokens: Tokens,
  call: { readonly action: string },
  lacks: (answer: Payload) => string | undefined,
): Promise<Finding> {
  const check = `backend ${call.action}`;
  const body = JSON.stringify(call);
  const authorization = `Bearer ${tokens.signCall('relay:backend', body)}`;
  const headers = { 'content-type': 'application/json', authorization };
  const started = performance.now();
  try {
    const signal = AbortSignal.timeout(TIMEOUT);
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    const text = await response.text();
    const ms = Math.round(performance.now() - started);
    const problem =
      leftOut(call.action, response, text) ?? refusal(check, response, text) ?? misshapen(check, text, lacks);
    if (problem !== undefined) return problem;
    if (ms < SLOW) return ok(check, `${url} answers in ${ms} ms`);
    const why = `${url} takes ${ms} ms; after ${TIMEOUT} the relay gives up`;
    return warn(
      check,
      why,
      'session_write_close();   // first thing in pages that take long: they hold the session lock',
    );
  } catch (error) {
    return silent(check, url, error);
  }
}

function leftOut(action: string, { status }: Response, text: string): Finding | undefined {
  const { code, message } = errorOf(text);
  if (status !== 404 || code !== LEFT_OUT) return undefined;
  const callable = CALLABLES[action];
  return fail(
    `backend ${action}`,
    `PHP answered 404: ${code}: ${message}`,
    ...(callable === undefined ? [] : [callable]),
  );
}

function silent(check: string, url: string, error: unknown): Finding {
  const reason = reasonOf(error);
  if (reason === 'no answer in time') {
    const why = `${url} did not answer within the ${TIMEOUT} ms that the relay waits`;
    return fail(
      check,
      why,
      'session_write_close();   // first thing in pages that take long: they hold the session lock',
    );
  }
  return fail(check, `${url} does not answer: ${reason}`, `curl -sS -X POST ${url}   # from the relay's machine`);
}

function refusal(check: string, { status, headers }: Response, text: string): Finding | undefined {
  const { code, message } = errorOf(text);
  const location = headers.get('location');
  if (location !== null && status >= 300 && status < 400) {
    const why = `PHP answered ${status} to ${location}; the relay follows no redirect`;
    return fail(check, why, '# RELAY_BACKEND_URL must be the final address, and need no login');
  }
  if (code === 'token_missing') {
    return fail(check, `PHP did not get the Authorization header: ${message}`, 'CGIPassAuth On   # Apache');
  }
  if (code === 'token_expired' || / ahead of this clock/.test(message)) {
    return fail(check, `PHP's clock is not the relay's: ${message}`, 'timedatectl set-ntp true   # on both machines');
  }
  if (status === 401 || status === 403) {
    const why = `PHP answered ${status} ${code}: ${message || describe(text)}; its RELAY_SECRET is not the relay's`;
    return fail(
      check,
      why,
      '# the same RELAY_SECRET in the environment of PHP (FPM: env[RELAY_SECRET], Apache: SetEnv)',
    );
  }
  if (status === 404) {
    const what = code === '' ? `there is no such script (${describe(text)})` : `${code}: ${message}`;
    return fail(check, `PHP answered 404: ${what}`, 'RELAY_BACKEND_URL=http://127.0.0.1/relay-backend.php');
  }
  if (status < 400) return undefined;
  return fail(
    check,
    `PHP answered ${status}: ${message || describe(text)}`,
    'tail /var/log/php*.log /var/log/apache2/error.log',
  );
}
