import { type Answer, ask, reasonOf } from './ask.js';
import { objectOf } from './json.js';
import { type Stage, WireError } from './wire-error.js';

/** How the doctor comes as a browser. */
export interface Line {
  readonly url: URL;
  /** Without one it comes as no browser, and is refused by no origin. */
  readonly origin?: string;
  /** A proxy may choose the replica by it. */
  readonly userAgent: string;
}

export interface PollingSession {
  readonly sid: string;
  send(packet: string): Promise<void>;
  /** The packets of the next answer; waits up to `within` milliseconds. */
  poll(within?: number): Promise<readonly string[]>;
}

const SEPARATOR = '\x1e';

/** An Engine.IO 4 session as socket.io-client 4.4.0 opens it. @throws WireError */
export async function openPolling(line: Line): Promise<PollingSession> {
  const first = await askEngine(line, 'open', '');
  const { sid } = (first.text.startsWith('0') ? objectOf(first.text.slice(1)) : undefined) ?? {};
  if (typeof sid !== 'string') throw new WireError('open', 'no Engine.IO handshake', first);
  const query = `&sid=${encodeURIComponent(sid)}`;

  return {
    sid,
    async send(packet) {
      const answer = await askEngine(line, 'session', query, { body: packet });
      if (answer.text !== 'ok') throw new WireError('session', 'a packet was not taken', answer);
    },
    async poll(within) {
      return (await askEngine(line, 'session', query, within === undefined ? {} : { within })).text.split(SEPARATOR);
    },
  };
}

/** The headers that a browser of this line sends with every request. */
export function headersOf({ origin, userAgent }: Line): Record<string, string> {
  return { accept: '*/*', 'user-agent': userAgent, ...(origin === undefined ? {} : { origin }) };
}

async function askEngine(
  line: Line,
  stage: Stage,
  query: string,
  { body, within }: { body?: string; within?: number } = {},
): Promise<Answer> {
  // the client's own guard against caches
  const path = `/socket.io/?EIO=4&transport=polling&t=${Date.now().toString(36)}${query}`;
  const sent =
    body === undefined ? {} : { method: 'POST', body, headers: { 'content-type': 'text/plain;charset=UTF-8' } };
  const answer = await ask({ url: line.url }, path, {
    ...sent,
    headers: { ...headersOf(line), ...sent.headers },
    ...(within === undefined ? {} : { within }),
  }).catch((error: unknown) => {
    throw new WireError(stage, reasonOf(error));
  });
  if (answer.status !== 200) throw new WireError(stage, `HTTP ${answer.status}`, answer);
  return answer;
}
