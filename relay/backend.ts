import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { RelayError } from './errors.js';
import { isPayload, type Payload } from './messages/legacy-fields.js';
import { isReserved } from './messages/notification.js';
import type { Tokens } from './tokens.js';
import { userIdOf } from './user-id.js';

/**
 * The PHP endpoint (CONTRACT section 7). Each call carries an `X-Request-Id`, of its own where it has no `requestId`,
 * under which the relay's log and PHP's tell of it. Every call may throw `backend_unavailable` or `backend_refused`.
 */
export interface Backend {
  /** The user that the cookies belong to, `undefined` for nobody. */
  identify(cookie: string): Promise<string | undefined>;
  /** `undefined` when the backend does not know the conversation. */
  members(conversation: string, requestId?: string): Promise<readonly string[] | undefined>;
  event(event: string, user: string, data: unknown): Promise<BackendAnswer>;
  sendMessage(user: string, data: Payload): Promise<Persisted>;
}

export interface BackendEmit {
  readonly event: string;
  readonly data: unknown;
  /** `undefined`: to the socket that asked. */
  readonly to: readonly string[] | undefined;
}

export interface BackendAnswer {
  readonly emit: readonly BackendEmit[];
  readonly ack: unknown;
}

export type Persisted =
  | { readonly message: Payload; readonly recipients: readonly string[] }
  | { readonly error: string };

export interface BackendOptions {
  readonly url: string;
  readonly tokens: Tokens;
  readonly log: Logger;
  readonly onCall: (action: string, seconds: number, failed: boolean) => void;
}

/** Milliseconds for a call; calls at once; failures in a row that open the breaker, and how long it stays so, ms. */
const TIMEOUT = 2_000;
const IN_FLIGHT = 64;
const BREAKER_AFTER = 5;
const BREAKER_FOR = 5_000;
/** Calls that wait for their turn; beyond it the backend counts as unavailable. */
const WAITING = 10_000;

export function createBackend({ url, tokens, log, onCall }: BackendOptions): Backend {
  const waiting: (() => void)[] = [];
  let inFlight = 0;
  let failures = 0;
  let openUntil = 0;

  async function turn(): Promise<void> {
    if (inFlight < IN_FLIGHT) {
      inFlight += 1;
      return;
    }
    if (waiting.length >= WAITING) throw new RelayError('backend_unavailable', 'too many calls wait for the backend');
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function done(): void {
    const next = waiting.shift();
    if (next === undefined) inFlight -= 1;
    else next();
  }

  async function call(body: Payload, requestId: string = randomUUID()): Promise<Payload> {
    await turn();
    const started = performance.now();
    let failed = true;
    try {
      if (Date.now() < openUntil)
        throw new RelayError('backend_unavailable', 'the backend failed repeatedly and is left alone');
      log.debug({ ...namesOf(body), request_id: requestId }, 'backend: called');
      const answer = await fetchAnswer(JSON.stringify(body), requestId);
      failed = false;
      failures = 0;
      return answer;
    } catch (error) {
      throw failure(error, String(body.action), requestId);
    } finally {
      done();
      onCall(String(body.action), (performance.now() - started) / 1000, failed);
    }
  }

  function failure(error: unknown, action: string, requestId: string): RelayError {
    const known = error instanceof RelayError ? error : undefined;
    if (Date.now() >= openUntil && known?.code !== 'backend_refused') {
      failures += 1;
      if (failures >= BREAKER_AFTER) openUntil = Date.now() + BREAKER_FOR;
      log.warn({ action, failures, request_id: requestId, err: error }, 'backend: call failed');
    }
    return known ?? new RelayError('backend_unavailable', 'the backend did not answer', { cause: error });
  }

  async function fetchAnswer(text: string, requestId: string): Promise<Payload> {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-request-id': requestId,
        authorization: `Bearer ${tokens.signCall('relay:backend', text)}`,
      },
      body: text,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const answer = await readAnswer(response);
    if (response.ok && answer !== undefined) return answer;
    const refused = response.status >= 400 && response.status < 500;
    const what = answer === undefined ? `HTTP ${response.status}, not a JSON object` : `HTTP ${response.status}`;
    throw new RelayError(refused ? 'backend_refused' : 'backend_unavailable', `the backend answered ${what}`);
  }

  return {
    async identify(cookie) {
      const { user_id: user } = await call({ action: 'identify', cookie });
      return user === null || user === undefined ? undefined : userIdOf(user);
    },
    async members(conversation, requestId) {
      const { members } = await call({ action: 'members', conversation_id: idForPhp(conversation) }, requestId);
      return Array.isArray(members) ? idsOf(members) : undefined;
    },
    async event(event, user, data) {
      const answer = await call({ action: 'event', event, user_id: idForPhp(user), data });
      return { emit: emitsOf(answer.emit), ack: answer.ack };
    },
    async sendMessage(user, data) {
      const { error, message, recipients } = await call({ action: 'send_message', user_id: idForPhp(user), data });
      if (typeof error === 'string') return { error };
      if (!isPayload(message) || !Array.isArray(recipients)) {
        throw new RelayError('backend_refused', 'send_message must be answered with message and recipients, or error');
      }
      return { message, recipients: idsOf(recipients) };
    },
  };
}

/** Of a call's body what a log may hold. */
function namesOf({ action, event, user_id, conversation_id }: Payload): object {
  return { action, event, user: user_id, conversation: conversation_id };
}

async function readAnswer(response: Response): Promise<Payload | undefined> {
  try {
    const answer: unknown = JSON.parse(await response.text());
    return isPayload(answer) ? answer : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Ids that are integers go as numbers, as the contract shows them: PHP sites compare with `===`. */
function idForPhp(id: string): string | number {
  return /^(0|-?[1-9]\d{0,14})$/.test(id) ? Number(id) : id;
}

function idsOf(values: readonly unknown[]): readonly string[] {
  return [...new Set(values.map(userIdOf).filter((id) => id !== undefined))];
}

function emitsOf(value: unknown): readonly BackendEmit[] {
  if (!Array.isArray(value)) return [];
  return value.filter(isPayload).flatMap(({ event, data, to }) => {
    if (typeof event !== 'string' || isReserved(event)) return [];
    return [{ event, data, to: Array.isArray(to) ? idsOf(to) : undefined }];
  });
}
