import type { Answer } from '../ask.js';
import { type Finding, fail, ok, warn } from '../finding.js';
import type { InternalApi } from '../internal-api.js';
import { errorOf } from '../json.js';

/** Tokens are refused beyond this (CONTRACT section 3), seconds. */
const LEEWAY = 30;
/** Beyond this somebody should look, seconds. */
const NOTABLE = 5;

/** How far the relay's clock is ahead of this machine's, milliseconds; by the `Date` of an answer just received. */
export function skewOf({ headers, ms }: Answer, now: () => number): number {
  const theirs = Date.parse(headers.date ?? '');
  // the header has whole seconds: half of one is added, as it was cut off on the average
  return Number.isNaN(theirs) ? 0 : theirs + 500 - (now() - ms / 2);
}

/** Whether tokens that this machine makes are in time for the relay. `api` signs by this machine's own clock. */
export async function checkClock(api: InternalApi, skewMs: number, now: () => number): Promise<Finding> {
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (seconds <= NOTABLE) return ok('clock', "this machine's and the relay's agree");
  const here = new Date(now()).toISOString();
  const there = new Date(now() + skewMs).toISOString();
  const off = `this machine's is ${seconds} s ${skewMs > 0 ? 'behind' : 'ahead of'} the relay's (here ${here}, there ${there})`;
  const mend = 'timedatectl set-ntp true   # on the machine of which the time above is wrong';
  if (seconds <= LEEWAY) return warn('clock', `${off}; tokens are refused from ${LEEWAY} s on`, mend);
  const { code, message, at } = errorOf((await api.get('/stats')).text);
  const proof = code === '' ? '' : `; the relay said ${code}: ${message}${at === '' ? '' : ` (server_time ${at})`}`;
  return fail('clock', `${off}: tokens made here are refused${proof}`, mend);
}
