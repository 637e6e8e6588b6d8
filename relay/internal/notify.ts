import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Config } from '../config.js';
import { type ErrorBody, errorBody, RelayError } from '../errors.js';
import type { Accept, Accepted } from '../messages/accept.js';
import { isPayload } from '../messages/legacy-fields.js';
import { MAX_RECIPIENTS, readNotification } from '../messages/notification.js';
import type { Traces } from '../messages/trace.js';
import type { Metrics } from '../metrics.js';
import { createRate } from '../sockets/rate.js';

export interface NotifyOptions {
  readonly config: Config;
  readonly accept: Accept;
  readonly traces: Traces;
  readonly metrics: Metrics;
}

const BATCH_BYTES = 8 * 1024 * 1024;
const BATCH_LIMIT = 1_000;
/** Room for the longest list of recipients beside the message itself. */
const RECIPIENTS_BYTES = MAX_RECIPIENTS * 140;

/** `POST /notify` and `POST /notify/batch` (CONTRACT section 6). */
export function addNotifyRoutes(app: FastifyInstance, { config, accept, traces, metrics }: NotifyOptions): void {
  const rate = createRate(config.notifyRate);

  function admit(count: number): void {
    if (rate.take(count)) return;
    const retryAfter = Math.max(1, Math.ceil(rate.wait()));
    throw new RelayError('rate_limited', `more than ${config.notifyRate} notifications a second`, { retryAfter });
  }

  app.addHook('onResponse', async (_request, reply) => {
    metrics.notifies.inc({ status: reply.statusCode });
    metrics.notifySeconds.observe(reply.elapsedTime / 1000);
  });

  app.post('/notify', { bodyLimit: config.maxPayload + RECIPIENTS_BYTES }, async (request) => {
    admit(1);
    const accepted = await accept(readNotification(request.body, request.id));
    told(request, accepted);
    return accepted;
  });

  app.post('/notify/batch', { bodyLimit: BATCH_BYTES }, async (request) => {
    const notifications = readBatch(request.body);
    admit(notifications.length);
    const results: (Accepted | { error: ErrorBody })[] = [];
    // one after the other: their order is the order in which they are accepted
    for (const body of notifications) results.push(await one(body, request));
    return { results };
  });

  function told(request: FastifyRequest, { id, duplicate, delivered, offline }: Accepted): void {
    traces.requested(id, request.id);
    request.log.debug({ id, duplicate, delivered: delivered.length, offline: offline.length }, 'notified');
  }

  async function one(body: unknown, request: FastifyRequest): Promise<Accepted | { error: ErrorBody }> {
    try {
      const accepted = await accept(readNotification(body, request.id));
      told(request, accepted);
      return accepted;
    } catch (error) {
      if (!(error instanceof RelayError)) request.log.error({ err: error }, 'a notification of a batch failed');
      return { error: errorBody(error) };
    }
  }
}

function readBatch(body: unknown): readonly unknown[] {
  const list = isPayload(body) ? body.notifications : undefined;
  if (Array.isArray(list) && list.length <= BATCH_LIMIT) return list;
  const message = `must be a list of at most ${BATCH_LIMIT} notifications`;
  throw new RelayError('invalid_body', `/notifications ${message}`, { details: [{ path: '/notifications', message }] });
}
