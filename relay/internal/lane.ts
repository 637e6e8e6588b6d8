import type { IncomingMessage, ServerResponse } from 'node:http';
import { RelayError } from '../errors.js';
import type { Tokens } from '../tokens.js';
import { readSigned } from './auth.js';
import type { Refuse } from './errors.js';
import { requestIdOf } from './request-id.js';

/**
 * One signed `POST` straight on Node's server, for the one route that is called for every message of the site.
 * Through Fastify's hooks, body parser, helmet and reply a notify cost 1.4 times as much CPU (757 µs to 526 µs at 16
 * callers, before and after, `npm run bench -- --workloads notify`); checks, errors and limits are those of other routes.
 */
export interface LaneOptions {
  readonly path: string;
  /** Bytes of a body. */
  readonly bodyLimit: number;
  readonly tokens: Tokens;
  readonly refuse: Refuse;
  /** Does what is asked; what it resolves to is answered as JSON. */
  readonly handle: (body: unknown, requestId: string) => Promise<object>;
  /** An answer is on its way; `milliseconds` since the request came. */
  readonly onAnswered: (status: number, milliseconds: number) => void;
}

/** @returns takes a request, or answers false where it is none of its own */
export type Lane = (request: IncomingMessage, response: ServerResponse) => boolean;

export function createLane({ path, bodyLimit, tokens, refuse, handle, onAnswered }: LaneOptions): Lane {
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = performance.now();
    const requestId = requestIdOf(request);
    let status = 200;
    let retryAfter: number | undefined;
    let answer: object;
    try {
      const raw = await readBody(request, bodyLimit);
      answer = await handle(readSigned(request.headers.authorization, raw, tokens), requestId);
    } catch (error) {
      const thrown = error instanceof Error ? error : new Error(String(error));
      // nobody is left who could be answered
      if (request.destroyed && !request.complete) return;
      ({ status, retryAfter, body: answer } = await refuse(thrown, request, requestId));
    }
    send(response, status, requestId, retryAfter, JSON.stringify(answer));
    onAnswered(status, performance.now() - began);
  }

  return (request, response) => {
    if (request.method !== 'POST' || pathOf(request) !== path) return false;
    void serve(request, response);
    return true;
  };
}

function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}

/** The whole body; `undefined` for none. */
function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) chunks.push(chunk);
      else {
        request.removeAllListeners('data');
        reject(new RelayError('payload_too_large', 'the body is too large'));
      }
    });
    request.on('end', () => resolve(chunks.length > 1 ? Buffer.concat(chunks) : chunks[0]));
    // emitted too when the caller goes before the end of the body
    request.on('error', reject);
  });
}

function send(
  response: ServerResponse,
  status: number,
  requestId: string,
  retryAfter: number | undefined,
  body: string,
): void {
  const headers = [
    'Content-Type',
    'application/json; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'X-Content-Type-Options',
    'nosniff',
    'X-Request-Id',
    requestId,
  ];
  if (retryAfter !== undefined) headers.push('Retry-After', String(retryAfter));
  response.writeHead(status, headers).end(body);
}
