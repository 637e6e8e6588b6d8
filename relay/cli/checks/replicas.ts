import { isPayload, type Payload } from '../../messages/legacy-fields.js';
import { type Canary, openCanary } from '../canary.js';
import { type Finding, fail, ok, unchecked, warn } from '../finding.js';
import type { InternalApi } from '../internal-api.js';
import { objectOf } from '../json.js';
import type { Line } from '../polling.js';
import type { Proof } from '../proof.js';
import { WireError } from '../wire-error.js';
import { notifyCanaries } from './notify.js';

/** Connections that are tried until every replica holds one. */
const TRIES = 24;

/** One message handed to one replica comes to the canaries on all: who does not hear is named. */
export async function checkReplicas(
  api: InternalApi,
  line: Line,
  proofs: () => Proof,
  stats: Payload,
): Promise<Finding> {
  const replicas = (Array.isArray(stats.replicas) ? stats.replicas : []).filter(isPayload).map(({ id }) => String(id));
  if (replicas.length === 1) return ok('replicas', 'one replica: there is no other that a message must reach');
  if (replicas.length === 0) return unchecked('replicas', 'the relay does not tell its replicas: its store is away');
  const held = new Map<string, Canary>();
  try {
    await spread(held, api, line, proofs, replicas.length);
    if (held.size === 1) return onlyOne([...held.keys()], replicas);
    return judge([...held.keys()], replicas, await notifyCanaries(api, [...held.values()], false));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return fail('replicas', `a canary was refused: ${error.message}`, 'journalctl -u relay -n 50 | grep refused');
  } finally {
    for (const canary of held.values()) canary.close();
  }
}

/** Each try comes as another browser: proxies choose the replica by address and user agent. */
async function spread(
  held: Map<string, Canary>,
  api: InternalApi,
  line: Line,
  proofs: () => Proof,
  wanted: number,
): Promise<void> {
  for (let number = 1; number <= TRIES && held.size < wanted; number += 1) {
    const proof = proofs();
    const canary = await openCanary({ ...line, userAgent: `${line.userAgent} ${number}` }, proof);
    const replica = replicaOf((await api.get(`/presence/${proof.user}`)).text);
    if (replica === undefined || held.has(replica)) canary.close();
    else held.set(replica, canary);
  }
}

function replicaOf(text: string): string | undefined {
  const { sockets } = objectOf(text) ?? {};
  const [first] = Array.isArray(sockets) ? sockets.filter(isPayload) : [];
  return first === undefined ? undefined : String(first.replica);
}

function onlyOne([held]: readonly string[], replicas: readonly string[]): Finding {
  const why = `${TRIES} connections from here all came to replica ${held}, of ${replicas.length}`;
  const mend = 'npx relay doctor --url http://HOST:3000   # once by the address of each replica, past the proxy';
  return warn('replicas', `${why}: the proxy keeps an address on one, so the others are not checked`, mend);
}

function judge(
  held: readonly string[],
  replicas: readonly string[],
  { problem, arrived }: Awaited<ReturnType<typeof notifyCanaries>>,
): Finding {
  if (problem !== undefined) return fail('replicas', `a message for ${held.length} replicas was not taken: ${problem}`);
  const deaf = held.filter((_, index) => arrived[index] === undefined);
  if (deaf.length > 0) {
    const hear = `${held.length - deaf.length} of ${held.length} heard it`;
    const why = `replica ${deaf.join(', ')} is deaf: a message did not come to its page within 3 s (${hear})`;
    const mend = [
      `journalctl -u relay | grep ${deaf[0]}   # on each machine, to find which it is`,
      'systemctl restart relay   # there; then see that it reaches Redis: redis-cli -u "$RELAY_REDIS_URL" ping',
    ];
    return fail('replicas', why, ...mend);
  }
  const slowest = Math.max(...arrived.map((ms) => ms ?? 0));
  const of = held.length < replicas.length ? ` of ${replicas.length}` : '';
  return ok(
    'replicas',
    `one message came to the pages on ${held.length}${of} replicas, to the last after ${slowest} ms`,
  );
}
