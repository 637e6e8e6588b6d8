import type { Answer } from '../ask.js';
import { type Finding, fail, ok } from '../finding.js';
import { describe, errorOf, objectOf } from '../json.js';
import { type Line, openPolling } from '../polling.js';
import { WireError } from '../wire-error.js';
import { FORWARD, linesFor, STICKY, whoAnswered } from './proxy-lines.js';

/** The first thing a page does: long polling, whose later requests must reach the same replica. */
export async function checkPolling(line: Line): Promise<Finding> {
  const started = performance.now();
  try {
    const session = await openPolling(line);
    await session.send('1');
    return ok('polling', `${line.url.origin}/socket.io/ answers, ${Math.round(performance.now() - started)} ms`);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return explain(error, line.url);
  }
}

function explain({ stage, message, answer }: WireError, url: URL): Finding {
  if (answer === undefined) {
    const mend = 'systemctl status relay nginx   # does it run, does it listen there, does a firewall let it through?';
    return fail('polling', `no answer from ${url.origin}: ${message}`, mend);
  }
  if (isUnknownSession(answer)) return unknownSession('polling', answer);
  if (stage === 'session') return fail('polling', `${told(answer)} to the second request`, ...linesFor(STICKY, answer));
  return gateway('polling', answer, url) ?? fail('polling', `${told(answer)}, no relay`, ...linesFor(FORWARD, answer));
}

/** What a proxy says that does not reach the relay, or a relay that takes nobody just now. `url` was asked. */
export function gateway(check: string, answer: Answer, url: URL): Finding | undefined {
  const { status, headers } = answer;
  const { code, message } = errorOf(answer.text);
  if (code !== '') return fail(check, `the relay answered ${status} ${code}: ${message}`, 'journalctl -u relay -n 50');
  if (status === 502 || status === 503 || status === 504) {
    const mend = ['systemctl status relay', ...linesFor(FORWARD, answer)];
    return fail(check, `${whoAnswered(answer)} answered ${status}: it does not reach the relay`, ...mend);
  }
  if (status >= 300 && status < 400 && headers.location !== undefined) {
    const target = URL.canParse(headers.location, url.origin)
      ? new URL(headers.location, url.origin).origin
      : url.origin;
    // to a page of the same server, a login perhaps: there is no other address to connect to
    const mend = target === url.origin ? linesFor(FORWARD, answer) : [`io('${target}')`];
    return fail(check, `${told(answer)} leads to ${headers.location}: io() does not follow`, ...mend);
  }
  return undefined;
}

/** Engine.IO's answer when a session's request comes to a process that does not hold the session. */
export function isUnknownSession({ text }: Answer): boolean {
  return objectOf(text)?.code === 1;
}

export function unknownSession(check: string, answer: Answer): Finding {
  const why = 'the second request of a session came to another replica ("Session ID unknown")';
  return fail(check, `${why}: the proxy must keep a browser on one`, ...linesFor(STICKY, answer));
}

function told(answer: Answer): string {
  return `${whoAnswered(answer)} answered ${answer.status} with ${describe(answer.text)}`;
}
