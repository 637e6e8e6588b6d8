import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { errorBody, RelayError } from '../errors.js';
import type { Metrics } from '../metrics.js';

/** How long a body that is too large may still take to arrive, milliseconds. */
const READ_OUT_WITHIN = 5_000;

/** The one place where the internal API turns errors into answers. */
export function answerErrors(app: FastifyInstance, metrics: Metrics): void {
  app.setErrorHandler(async (thrown: FastifyError | RelayError, request, reply) => {
    const error = known(thrown);
    const status = error instanceof RelayError ? error.status : 500;
    const { method, url } = request;
    if (error instanceof RelayError) {
      metrics.rejected.inc({ code: error.code });
      request.log.warn({ code: error.code, method, url, reason: error.message, err: error.cause }, 'refused');
    } else request.log.error({ method, url, err: thrown }, 'failed');
    if (error instanceof RelayError && error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
    if (status === 413) await readOut(request);
    return reply.code(status).send({ error: { ...errorBody(error), ...requestId(status, request) } });
  });
  app.setNotFoundHandler((_request, reply: FastifyReply) => {
    reply.code(404).send({ error: errorBody(new RelayError('not_found', 'there is nothing here')) });
  });
}

/** Closing over unread bytes would make the kernel send a reset, which can overtake the answer. */
async function readOut({ raw }: FastifyRequest): Promise<void> {
  if (raw.complete || raw.destroyed) return;
  const read = new Promise((resolve) => raw.once('end', resolve).once('close', resolve));
  raw.resume();
  await Promise.race([read, delay(READ_OUT_WITHIN, undefined, { ref: false })]);
}

function requestId(status: number, request: FastifyRequest): object {
  return status === 500 ? { request_id: request.id } : {};
}

/** Fastify's own refusals in the words of the contract. */
function known(error: FastifyError | RelayError): Error {
  if (error instanceof RelayError) return error;
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
