import { randomUUID } from 'node:crypto';
import { isPayload } from '../../messages/legacy-fields.js';
import { reasonOf } from '../ask.js';
import type { Canary } from '../canary.js';
import { type Finding, fail, ok, warn } from '../finding.js';
import type { InternalApi } from '../internal-api.js';
import { errorOf, objectOf } from '../json.js';

/** No page listens for it; it goes the way of every message, inbox included. */
const EVENT = 'relay_doctor';
/** How long a message may take, milliseconds. */
const WITHIN = 3_000;
const SLOW = 1_000;

export interface Handed {
  /** HTTP status and what it says when it is not 200. */
  readonly problem: string | undefined;
  readonly delivered: readonly unknown[];
  readonly answeredMs: number;
  /** For each canary, after how many milliseconds the message came; `undefined` when it did not. */
  readonly arrived: readonly (number | undefined)[];
}

/**
 * Hands one message over for all the canaries, as PHP would. One that is not durable lies in no inbox, from which a
 * replica that was not told of it could still take it.
 */
export async function notifyCanaries(api: InternalApi, canaries: readonly Canary[], durable: boolean): Promise<Handed> {
  const id = `doctor-${randomUUID()}`;
  const recipients = canaries.flatMap(({ user }) => user ?? []);
  const started = performance.now();
  const arriving = canaries.map(async (canary) => {
    const came = await canary.next(EVENT, WITHIN, (message) => isPayload(message) && message.id === id);
    return came === undefined ? undefined : Math.round(performance.now() - started);
  });
  const body = { id, recipients, event: EVENT, durable, message: { id, content: 'a message of relay doctor' } };
  const answer = await api.post('/notify', body).catch((error: unknown) => reasonOf(error));
  if (typeof answer === 'string') return { problem: answer, delivered: [], answeredMs: 0, arrived: [] };
  const { code, message } = errorOf(answer.text);
  if (answer.status !== 200) {
    return { problem: `${answer.status} ${code}: ${message}`, delivered: [], answeredMs: answer.ms, arrived: [] };
  }
  const { delivered } = objectOf(answer.text) ?? {};
  const list: readonly unknown[] = Array.isArray(delivered) ? delivered : [];
  return { problem: undefined, delivered: list, answeredMs: answer.ms, arrived: await Promise.all(arriving) };
}

/** A message handed over as PHP does it comes to a page. */
export async function checkNotify(api: InternalApi, canary: Canary): Promise<Finding> {
  const { problem, delivered, answeredMs, arrived } = await notifyCanaries(api, [canary], true);
  if (problem !== undefined) {
    return fail('notify', `the relay did not take a message: ${problem}`, 'journalctl -u relay -n 50 | grep -v info');
  }
  const [ms] = arrived;
  if (ms !== undefined && ms > SLOW) {
    const why = `a message came to the canary only after ${ms} ms: its replica was not told and found it in the inbox`;
    return warn('notify', why, 'redis-cli --latency', 'journalctl -u relay -n 50 | grep store');
  }
  if (ms !== undefined) {
    return ok(
      'notify',
      `a message came to the canary after ${ms} ms; PHP is answered after ${Math.round(answeredMs)} ms`,
    );
  }
  if (!delivered.includes(canary.user)) {
    const why = 'the internal API does not know the canary: --url and --internal lead to relays that share no store';
    return fail(
      'notify',
      why,
      'RELAY_REDIS_URL=redis://127.0.0.1:6379   # the same for every replica, RELAY_REDIS_PREFIX too',
    );
  }
  const why = `a message was taken, but did not come to the canary within ${WITHIN / 1000} s`;
  return fail('notify', why, 'journalctl -u relay -n 50 | grep -v info', 'systemctl restart relay');
}
