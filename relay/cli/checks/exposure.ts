import { type Answer, ask } from '../ask.js';
import { type Finding, fail, ok, unchecked, warn } from '../finding.js';
import { errorOf, objectOf } from '../json.js';
import { hostOf, isLoopback } from './dns.js';
import { HIDDEN, linesFor } from './proxy-lines.js';

/** What tells that it is the internal API that answers, and not the site's page for everything. */
const TELLTALES: Readonly<Record<string, (answer: Answer) => boolean>> = {
  '/notify': ({ text }) => errorOf(text).code === 'token_missing',
  '/stats': ({ text }) => errorOf(text).code === 'token_missing',
  '/metrics': ({ text }) => /^relay_\w+/m.test(text),
  '/health/ready': ({ text }) => /^(un)?ready$/.test(String(objectOf(text)?.status)),
};
const WITHIN = 3_000;

/** The internal API must not be there on the public side. */
export async function checkExposedPaths(url: URL): Promise<Finding> {
  const tried = Object.entries(TELLTALES).map(async ([path, tells]) => {
    const post = path === '/notify' ? { method: 'POST', body: '{}' } : {};
    const answer = await ask({ url }, path, { within: WITHIN, ...post }).catch(() => undefined);
    return { path, answer, exposed: answer !== undefined && tells(answer) };
  });
  const found = (await Promise.all(tried)).filter(({ exposed }) => exposed);
  const [first] = found;
  if (first === undefined) return ok('exposure', `the internal API is not reachable through ${url.origin}`);
  const paths = found.map(({ path }) => path).join(', ');
  const why = `the internal API is exposed: ${url.origin} answers ${paths}`;
  return fail('exposure', why, ...linesFor(HIDDEN, first.answer));
}

/** Nor may its port be open under the public name. `addresses` are those of that name. */
export async function checkExposedPort(url: URL, addresses: readonly string[], port: number): Promise<Finding> {
  if (addresses.every(isLoopback)) {
    return unchecked('internal port', `${hostOf(url)} is this machine itself: give --url by the public name`);
  }
  const place = new URL(`http://${url.hostname}:${port}`);
  const answer = await ask({ url: place }, '/health/live', { within: WITHIN }).catch(() => undefined);
  if (answer === undefined) return ok('internal port', `${place.host} is closed, from here at least`);
  if (objectOf(answer.text)?.status !== 'live') {
    return warn('internal port', `${place.host} is open, though no relay answers there`, `ss -ltnp 'sport = :${port}'`);
  }
  const why = `the internal API is exposed: ${place.host} answers. Without a token it gives its metrics away`;
  return fail('internal port', why, 'RELAY_INTERNAL_HOST=127.0.0.1');
}
