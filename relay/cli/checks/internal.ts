import { type Answer, ask, type Place, reasonOf } from '../ask.js';
import { type Finding, fail, ok, unchecked } from '../finding.js';
import { nameOf } from '../internal-api.js';
import { describe, objectOf } from '../json.js';

/** Whether PHP reaches the internal API from this machine. Gives the answer of a relay for who wants its clock. */
export async function checkInternal(place: Place): Promise<{ finding: Finding; answer: Answer | undefined }> {
  const name = nameOf(place);
  try {
    const answer = await ask(place, '/health/live', { verify: true });
    if (objectOf(answer.text)?.status === 'live') {
      return { finding: ok('internal', `the internal API answers at ${name}, ${Math.round(answer.ms)} ms`), answer };
    }
    const told = `${name} answers ${answer.status} with ${describe(answer.text)}: no internal API of a relay`;
    const mend = 'npx relay check-config | grep INTERNAL   # then give that as --internal';
    return { finding: fail('internal', told, mend), answer: undefined };
  } catch (error) {
    const mend = [
      'systemctl status relay',
      place.socketPath === undefined ? 'RELAY_INTERNAL_PORT=3001' : `RELAY_INTERNAL_SOCKET=${place.socketPath}`,
    ];
    return { finding: fail('internal', `no internal API at ${name}: ${reasonOf(error)}`, ...mend), answer: undefined };
  }
}

/** Readiness, proven by a probe through the store. */
export async function checkReady(place: Place): Promise<Finding> {
  const answer = await ask(place, '/health/ready', { verify: true });
  if (answer.status === 200) return ok('ready', 'a probe through the store came back');
  const reason = String(objectOf(answer.text)?.reason ?? `HTTP ${answer.status}`);
  if (reason === 'draining') return fail('ready', 'the relay is stopping', 'systemctl start relay');
  // the check of Redis itself tells why
  if (/Redis takes no writes/.test(reason)) return unchecked('ready', `not ready, ${reason}`);
  const mend = ['redis-cli -u "$RELAY_REDIS_URL" ping', 'journalctl -u relay -n 50 | grep store'];
  return fail('ready', `not ready, ${reason}: messages do not come through`, ...mend);
}
