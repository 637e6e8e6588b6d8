import { type Answer, ask } from '../ask.js';
import { type Finding, fail, ok, unchecked } from '../finding.js';
import { errorOf, objectOf } from '../json.js';
import { headersOf, type Line } from '../polling.js';
import { dialWebSocket } from '../web-socket.js';
import { WireError } from '../wire-error.js';
import { gateway } from './polling.js';

/** A page that nobody has: `.invalid` is reserved (RFC 2606). */
const FOREIGN = 'https://doctor.invalid';
const HANDSHAKE = '/socket.io/?EIO=4&transport=polling';

/** The site's own pages may connect, on polling and, where it `upgrades` without an Origin, on WebSocket alike. */
export async function checkAllowedOrigin(line: Line, origin: string | undefined, upgrades: boolean): Promise<Finding> {
  if (origin === undefined)
    return unchecked('origin', 'no page origin is known: give --origin https://www.example.org');
  const mend = [`RELAY_ALLOWED_ORIGINS=${origin}`, 'systemctl reload relay'];
  const polled = await handshake({ ...line, origin });
  const [status, code] = await upgradeStatus({ ...line, origin });
  const refused = [polled.status === 403 ? 'polling' : '', status === 403 ? 'WebSocket' : ''].filter(
    (way) => way !== '',
  );
  if (errorOf(polled.text).code === 'origin_refused' || code === 'origin_refused') {
    return fail('origin', `pages of ${origin} are refused on ${refused.join(' and ')}`, ...mend);
  }
  const blocked = [
    polled.status === 200 ? '' : `polling (${polled.status})`,
    status === 101 || !(upgrades || status === 403) ? '' : `WebSocket (${status || 'no answer'})`,
  ].filter((way) => way !== '');
  if (blocked.length > 0) {
    const why = `pages of ${origin} do not pass on ${blocked.join(' and ')}, what sends no Origin does`;
    const rule =
      '# look for a rule in front of the relay (firewall, WAF, rate limit) that concerns Origin or WebSocket';
    return gateway('origin', polled, line.url) ?? fail('origin', why, rule);
  }
  return (
    unreadable(polled.headers['access-control-allow-origin'], origin, line.url) ??
    ok('origin', `pages of ${origin} may connect, on polling${status === 101 ? ' and WebSocket' : ''}`)
  );
}

/** Why a browser does not let a page of that origin read what it is answered. */
function unreadable(allowed: string | undefined, origin: string, url: URL): Finding | undefined {
  if (allowed === undefined && origin !== url.origin) {
    const why = `Access-Control-Allow-Origin is missing for pages of ${origin}: the proxy strips it, browsers refuse that`;
    return fail('origin', why, '# take out the proxy\'s "proxy_hide_header Access-Control-Allow-Origin;"');
  }
  if (allowed?.includes(',') === true) {
    const why = `Access-Control-Allow-Origin is sent twice ("${allowed}"): browsers refuse that`;
    return fail('origin', why, '# take out the proxy\'s "add_header Access-Control-Allow-Origin": the relay sends it');
  }
  if (allowed !== undefined && allowed !== origin) {
    const why = `Access-Control-Allow-Origin is "${allowed}": the proxy replaces the relay's, browsers refuse that`;
    return fail('origin', why, 'proxy_set_header Origin $http_origin;', '# and no Access-Control-… header of its own');
  }
  return undefined;
}

/** Pages of others may not: a visitor's session would be theirs to use. */
export async function checkForeignOrigin(line: Line, origin: string | undefined): Promise<Finding> {
  const foreign = { ...line, origin: FOREIGN };
  const polled = await handshake(foreign);
  const [status] = await upgradeStatus(foreign);
  const open = [polled.status === 200 ? 'polling' : '', status === 101 ? 'WebSocket' : ''].filter((way) => way !== '');
  if (open.length === 0) return ok('foreign origin', `pages of other sites are refused (${FOREIGN}: ${polled.status})`);
  const why = `a page of any site may connect with a visitor's session: ${FOREIGN} passes on ${open.join(' and ')}`;
  const own = origin ?? 'https://www.example.org';
  const mend = [`RELAY_ALLOWED_ORIGINS=${own}`, 'proxy_set_header Origin $http_origin;   # if the proxy drops it'];
  return fail('foreign origin', why, ...mend);
}

/** Opens a polling session, and closes it again where it was granted. */
async function handshake(line: Line): Promise<Answer> {
  const headers = headersOf(line);
  const answer = await ask({ url: line.url }, HANDSHAKE, { headers });
  const { sid } = objectOf(answer.text.slice(1)) ?? {};
  if (typeof sid !== 'string') return answer;
  await ask({ url: line.url }, `${HANDSHAKE}&sid=${sid}`, { method: 'POST', headers, body: '1' });
  return answer;
}

/** 0 where there is no answer: other checks tell that. */
async function upgradeStatus(line: Line): Promise<readonly [status: number, code: string]> {
  try {
    (await dialWebSocket(line)).close();
    return [101, ''];
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return [error.answer?.status ?? 0, errorOf(error.answer?.text ?? '').code];
  }
}
