import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import jwt from 'jsonwebtoken';
import { onTeardown } from './teardown.js';
import { SECRET } from './tokens.js';
import { until } from './until.js';

export interface BackendCall {
  action: string;
  [field: string]: unknown;
}

/** What to answer: an object as JSON, or anything at all by the response itself. */
export type Answer = (call: BackendCall, response: ServerResponse) => unknown;

/** Where PHP would stand: an endpoint that checks every call as the contract lets PHP check it. */
export interface FakeBackend {
  readonly url: string;
  /** Every call so far, oldest first. */
  readonly calls: readonly BackendCall[];
  /** The `X-Request-Id` of each call, likewise. */
  readonly requestIds: readonly string[];
  /** What was wrong with calls: a token, a hash, a content type. A test that finds one has found a fault. */
  readonly faults: readonly string[];
  /** The most calls that were open at one time. */
  readonly mostAtOnce: number;
  /** Replaces what it answers. A function that returns `undefined` has answered, or never will, by itself. */
  answer: Answer;
  callsOf(action: string): BackendCall[];
  /** Waits for the call number `count` of an action. */
  called(action: string, count?: number): Promise<BackendCall>;
  /** Lets connections be refused from now on, or takes them again. */
  down(): Promise<void>;
  up(): Promise<void>;
}

/** Knows nobody until told otherwise: `identify` and `members` answer null and nobody, events nothing. */
export async function startFakeBackend(answer: Answer = () => ({})): Promise<FakeBackend> {
  const calls: BackendCall[] = [];
  const requestIds: string[] = [];
  const faults: string[] = [];
  let open = 0;
  let mostAtOnce = 0;
  let port = 0;

  const server = createServer(async (request, response) => {
    open += 1;
    mostAtOnce = Math.max(mostAtOnce, open);
    response.once('close', () => {
      open -= 1;
    });
    const raw = await bodyOf(request);
    const fault = faultIn(request, raw);
    if (fault !== undefined) faults.push(fault);
    const call = JSON.parse(raw.toString()) as BackendCall;
    calls.push(call);
    requestIds.push(String(request.headers['x-request-id']));
    const result = await backend.answer(call, response);
    if (result === undefined || response.writableEnded) return;
    response.setHeader('content-type', 'application/json').end(JSON.stringify(result));
  });
  const down = async (): Promise<void> => {
    server.closeAllConnections();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  };
  const up = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  };
  const backend: FakeBackend = {
    get url() {
      return `http://127.0.0.1:${port}/relay-backend.php`;
    },
    calls,
    requestIds,
    faults,
    get mostAtOnce() {
      return mostAtOnce;
    },
    answer,
    callsOf: (action) => calls.filter((call) => call.action === action),
    called: (action, count = 1) =>
      until(`${action} number ${count}`, () => calls.filter((call) => call.action === action)[count - 1]),
    down,
    up,
  };
  await up();
  onTeardown(down);
  return backend;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

/** By a JWT library and the contract's words, as the PHP side does it. */
function faultIn({ method, headers }: IncomingMessage, raw: Buffer): string | undefined {
  if (method !== 'POST') return `method ${method}`;
  if (headers['content-type'] !== 'application/json') return `content type ${headers['content-type']}`;
  const token = /^Bearer (\S+)$/.exec(headers.authorization ?? '')?.[1];
  if (token === undefined) return 'no bearer token';
  try {
    const claims = jwt.verify(token, SECRET, { algorithms: ['HS256'], audience: 'relay:backend' });
    if (typeof claims === 'string' || claims.iat === undefined || claims.exp === undefined) return 'iat or exp missing';
    if (claims.exp - claims.iat > 300) return 'a token that lives too long';
    return claims.body === createHash('sha256').update(raw).digest('hex')
      ? undefined
      : 'the body is not the signed one';
  } catch (error) {
    return String(error);
  }
}
