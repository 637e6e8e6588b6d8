import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { errorBody, RelayError } from '../errors.js';
import type { Metrics } from '../metrics.js';

/** Of a URL in the log, characters: one that names thousands of users is as long as thousands of lines. */
const LONGEST_URL = 500;
/** How long a body that is too large may still take to arrive, milliseconds. */
const READ_OUT_WITHIN = 5_000;

/** What the caller is answered; `retryAfter` in seconds. */
export interface Refusal {
  readonly status: number;
  readonly retryAfter: number | undefined;
  readonly body: object;
}

/** The one place where the internal API turns errors into answers. */
export type Refuse = (thrown: Error, request: Refused, requestId: string) => Refusal;

type Refused = Readonly<Pick<IncomingMessage, 'method' | 'url'>>;

export function createRefuse(metrics: Metrics, log: Logger): Refuse {
  return (thrown, { method, url }, requestId) => {
    const error = known(thrown);
    const status = error instanceof RelayError ? error.status : 500;
    const where = { request_id: requestId, method, url: url?.slice(0, LONGEST_URL) };
    if (error instanceof RelayError) {
      metrics.rejected.inc({ code: error.code });
      log.warn({ ...where, code: error.code, reason: error.message, err: error.cause }, 'refused');
    } else log.error({ ...where, err: thrown }, 'failed');
    const retryAfter = error instanceof RelayError ? error.retryAfter : undefined;
    const named = status === 500 ? { request_id: requestId } : {};
    return { status, retryAfter, body: { error: { ...errorBody(error), ...named } } };
  };
}

export function answerErrors(app: FastifyInstance, refuse: Refuse): void {
  app.setErrorHandler(async (thrown: FastifyError | RelayError, request, reply) => {
    const { status, retryAfter, body } = refuse(thrown, request.raw, request.id);
    if (status === 413) await readOut(request.raw);
    if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
    return reply.code(status).send(body);
  });
  app.setNotFoundHandler((_request, reply: FastifyReply) => {
    reply.code(404).send({ error: errorBody(new RelayError('not_found', 'there is nothing here')) });
  });
}

/** For a URL that the router can't read, before any hook has run. */
export function answerBadUrl(refuse: Refuse) {
  return (thrown: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    // Fastify's own words repeat the path, however long
    const long = thrown.code === 'FST_ERR_MAX_PARAM_LENGTH';
    const reason = long ? 'a part of the path is too long' : 'the path must be percent-encoded UTF-8';
    const { status, body } = refuse(new RelayError('invalid_body', reason), request.raw, request.id);
    reply.code(status).header('x-request-id', request.id).header('x-content-type-options', 'nosniff').send(body);
  };
}

/** Closing over unread bytes would make the kernel send a reset, which can overtake the answer. */
async function readOut(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return;
  const read = new Promise((resolve) => request.once('end', resolve).once('close', resolve));
  request.resume();
  await Promise.race([read, delay(READ_OUT_WITHIN, undefined, { ref: false })]);
}

/** Fastify's own refusals in the words of the contract. */
function known(error: Error | FastifyError): Error {
  if (error instanceof RelayError || !('statusCode' in error)) return error;
  if (error.validation !== undefined) {
    const details = error.validation.map(({ instancePath, message }) => ({
      path: instancePath,
      message: message ?? '',
    }));
    return new RelayError('invalid_body', error.message, { details });
  }
  if (error.statusCode === 413) return new RelayError('payload_too_large', 'the body is too large');
  if (error.statusCode !== undefined && error.statusCode < 500) return new RelayError('invalid_body', error.message);
  return error;
}
