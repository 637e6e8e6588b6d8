import { type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/** Where HTTP is spoken: a URL, of which the path is not used, or a Unix socket. */
export interface Place {
  readonly url: URL;
  readonly socketPath?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Milliseconds from the request to the end of the answer. */
  readonly ms: number;
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly within?: number;
  /** Whether a bad certificate ends it. Not for the public side: there the TLS check judges, and the rest goes on. */
  readonly verify?: boolean;
}

/** Milliseconds for an answer, unless told. */
const WITHIN = 5_000;
/** Characters of a body that are kept: what stands beyond it is no answer of a relay. */
const LONGEST = 2_000_000;

/** One HTTP request on a connection of its own. Rejects with what Node says when there is no answer in time. */
export function ask(place: Place, path: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, within = WITHIN, verify = false } = options;
  const started = performance.now();
  const target = new URL(path, place.url);
  const request = target.protocol === 'https:' ? requestHttps : requestHttp;
  const connection = place.socketPath === undefined ? {} : { socketPath: place.socketPath };
  return new Promise((resolve, reject) => {
    const call = request(
      target,
      { method, headers, agent: false, rejectUnauthorized: verify, signal: AbortSignal.timeout(within), ...connection },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece: string) => {
          if (text.length < LONGEST) text += piece;
        });
        response.once('error', reject);
        response.once('end', () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, text, ms: performance.now() - started });
        });
      },
    );
    call.once('error', reject);
    call.end(body);
  });
}

const PLAIN: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was closed without an answer',
  ENOENT: 'there is no such socket file',
  EACCES: 'this user may not open the socket file',
  EHOSTUNREACH: 'there is no way to that host',
  ENETUNREACH: 'there is no way to that network',
  ENOTFOUND: 'the name is not known',
  ETIMEDOUT: 'no answer in time: a firewall drops it, or the host is down',
  ABORT_ERR: 'no answer in time',
  HPE_INVALID_CONSTANT: 'what answers speaks no HTTP: TLS, perhaps',
};

/** Why there was no answer, in words and with Node's code. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return 'no answer in time';
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  const plain = PLAIN[code];
  return plain === undefined ? cause.message : `${plain} (${code})`;
}
