import { createAddressList } from '../../addresses.js';
import type { Config } from '../../config.js';
import { type Finding, fail, ok, unchecked } from '../finding.js';
import { errorOf } from '../json.js';
import { dialWebSocket, type WebSocketLine } from '../web-socket.js';
import { WireError } from '../wire-error.js';
import { isLoopback } from './dns.js';
import { linesFor, NAMING, whoAnswered } from './proxy-lines.js';

const CHECK = 'old notifier';
/** By which the relay knows an old notifier. */
const USER_AGENT = 'websocket-client-php (relay-doctor)';
/** Of this machine, as 127.0.0.1 is, and of no notifier: from there the doctor is a stranger here too. */
const STRANGER = '127.0.0.2';
/** RFC 1918, 6598 and 4193: whoever goes out from there may be seen by another address. */
const PRIVATE = createAddressList(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7']);

/**
 * Nobody may speak as PHP through the public side, as anybody may behind a proxy that adds no header at all. Nothing is
 * said on a connection that opens. `addresses` are those of the public name.
 */
export async function checkOldNotifier(url: URL, addresses: readonly string[], config: Config): Promise<Finding> {
  try {
    const door = await knock(url, addresses.some((address) => address.startsWith('127.')) ? STRANGER : undefined);
    door.close();
    return judge(String(door.from), url, addresses, config);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const { answer, message } = error;
    if (answer === undefined) return unchecked(CHECK, `the relay did not answer: ${message}`);
    if (errorOf(answer.text).code === 'origin_refused') return ok(CHECK, 'nobody is taken for PHP who is not listed');
    return unchecked(CHECK, `${whoAnswered(answer)} answered ${answer.status}, and did not ask the relay`);
  }
}

async function knock(url: URL, from: string | undefined): Promise<WebSocketLine> {
  const line = { url, userAgent: USER_AGENT };
  try {
    return await dialWebSocket(line, '', from);
  } catch (error) {
    // not every system has more than one such address
    if (from === undefined || !(error instanceof WireError) || error.answer !== undefined) throw error;
    return await dialWebSocket(line);
  }
}

/** The relay took the doctor, which comes from `from`, for a notifier: whether that proves something. */
function judge(from: string, url: URL, addresses: readonly string[], { legacyNotifiers, port }: Config): Finding {
  const taken = `the relay took ${from} for an old notifier`;
  if (legacyNotifiers.length === 0)
    return unchecked(CHECK, `${taken}: RELAY_LEGACY_NOTIFIERS, which is not set here, tells whether it may`);
  if (createAddressList(legacyNotifiers).has(from)) {
    const elsewhere = isLoopback(from) ? 'by the public name, or from another machine' : 'from another machine';
    return unchecked(CHECK, `${from} is one of RELAY_LEGACY_NOTIFIERS: run it ${elsewhere}`);
  }
  // in Docker all of this machine come from its gateway
  if (isLoopback(from) && portOf(url) === port) {
    return unchecked(CHECK, `${url.host} is the relay itself: give --url as browsers have it`);
  }
  if (PRIVATE.has(from) && !addresses.some((address) => PRIVATE.has(address))) {
    return unchecked(CHECK, `${taken}: by which address it goes out, and whether that is listed, is not known here`);
  }
  const why = `anybody may send messages as PHP: ${taken}, which is not listed here`;
  const unseen = 'a proxy that does not say for whom it comes counts as its own address';
  return fail(CHECK, `${why}; ${unseen}`, ...linesFor(NAMING, undefined), '# HAProxy', 'option forwardfor');
}

function portOf({ port, protocol }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}
