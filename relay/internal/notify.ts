import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { type ErrorBody, errorBody, RelayError } from '../errors.js';
import type { Accept, Accepted } from '../messages/accept.js';
import { isPayload } from '../messages/legacy-fields.js';
import { MAX_RECIPIENTS, readNotification } from '../messages/notification.js';
import type { Traces } from '../messages/trace.js';
import type { Metrics } from '../metrics.js';
import { createRate } from '../rate.js';
import type { Tokens } from '../tokens.js';
import type { Refuse } from './errors.js';
import type { LaneOptions } from './lane.js';

export interface NotifyOptions {
  readonly config: Config;
  readonly accept: Accept;
  readonly traces: Traces;
  readonly metrics: Metrics;
  readonly tokens: Tokens;
  readonly refuse: Refuse;
  readonly log: Logger;
}

const PATH = '/notify';
const BATCH_BYTES = 8 * 1024 * 1024;
const BATCH_LIMIT = 1_000;
/** Room for the longest list of recipients beside the message itself. */
const RECIPIENTS_BYTES = MAX_RECIPIENTS * 140;

/** `POST /notify` and `POST /notify/batch` (CONTRACT section 6). */
export interface Notify {
  /** The same as the route, for requests that come in one piece. */
  readonly lane: Omit<LaneOptions, 'requestIdOf'>;
  addRoutes(app: FastifyInstance): void;
}

export function createNotify(options: NotifyOptions): Notify {
  const { config, accept, traces, metrics, tokens, refuse, log } = options;
  const rate = createRate(config.notifyRate);
  const debugging = log.isLevelEnabled('debug');

  function admit(count: number): void {
    if (rate.take(count)) return;
    const retryAfter = Math.max(1, Math.ceil(rate.wait()));
    throw new RelayError('rate_limited', `more than ${config.notifyRate} notifications a second`, { retryAfter });
  }

  async function one(body: unknown, requestId: string): Promise<Accepted> {
    const accepted = await accept(readNotification(body, requestId));
    traces.requested(accepted.id, requestId);
    if (debugging) {
      const { id, duplicate, delivered, offline } = accepted;
      const counts = { delivered: delivered.length, offline: offline.length };
      log.debug({ request_id: requestId, id, duplicate, ...counts }, 'notified');
    }
    return accepted;
  }

  async function oneOfMany(body: unknown, requestId: string): Promise<Accepted | { error: ErrorBody }> {
    try {
      return await one(body, requestId);
    } catch (error) {
      if (!(error instanceof RelayError))
        log.error({ request_id: requestId, err: error }, 'a notification of a batch failed');
      return { error: errorBody(error) };
    }
  }

  async function admitted(body: unknown, requestId: string): Promise<Accepted> {
    admit(1);
    return one(body, requestId);
  }

  function onAnswered(status: number, milliseconds: number): void {
    metrics.notifies.inc(status);
    metrics.notifySeconds.observe(milliseconds / 1000);
  }

  return {
    lane: { path: PATH, tokens, refuse, handle: admitted, onAnswered },
    addRoutes(app) {
      app.addHook('onResponse', async (_request, reply) => onAnswered(reply.statusCode, reply.elapsedTime));
      const bodyLimit = config.maxPayload + RECIPIENTS_BYTES;
      app.post(PATH, { bodyLimit }, async (request) => admitted(request.body, request.id));
      app.post(`${PATH}/batch`, { bodyLimit: BATCH_BYTES }, async (request) => {
        const notifications = readBatch(request.body);
        admit(notifications.length);
        const results: (Accepted | { error: ErrorBody })[] = [];
        // one after the other: their order is the order in which they are accepted
        for (const body of notifications) results.push(await oneOfMany(body, request.id));
        return { results };
      });
    },
  };
}

function readBatch(body: unknown): readonly unknown[] {
  const list = isPayload(body) ? body.notifications : undefined;
  if (Array.isArray(list) && list.length <= BATCH_LIMIT) return list;
  const message = `must be a list of at most ${BATCH_LIMIT} notifications`;
  throw new RelayError('invalid_body', `/notifications ${message}`, { details: [{ path: '/notifications', message }] });
}
