import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { RelayError } from '../errors.js';
import type { Lane } from './lane.js';

/** The end of the internal API: whoever calls meanwhile is told so, and nobody's request is cut off. */
export interface Farewell {
  /** Every answer ends its connection once it has begun. To be called for the whole API. */
  watch(app: FastifyInstance): void;
  /** What is asked of these routes is refused by `draining` once it has begun. */
  guard(routes: FastifyInstance): void;
  /** Resolves when the servers have closed. */
  run(servers: readonly Server[]): Promise<void>;
}

/** How long callers, above all those who hold on to a connection, are told to go elsewhere, ms. */
const TELL_FOR = 300;
/** How long what is under way then is waited for, ms: a caller that sends no more, or reads nothing, has no end. */
const FINISH_WITHIN = 2_000;
/** Seconds. */
const RETRY_AFTER = 1;

export function createFarewell(lane: Lane): Farewell {
  let begun = false;

  return {
    watch(app) {
      app.addHook('onSend', async (_request, reply) => {
        if (begun) reply.header('connection', 'close');
      });
    },
    guard(routes) {
      // behind the body: to close over unread bytes is a reset, which can overtake the answer
      routes.addHook('preHandler', async () => {
        if (begun) throw draining();
      });
    },
    async run(servers) {
      begun = true;
      lane.refuse(draining);
      await delay(TELL_FOR);
      const closed = Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      lane.close();
      const patience = setTimeout(() => {
        for (const server of servers) server.closeAllConnections();
        lane.destroy();
      }, FINISH_WITHIN);
      await closed;
      clearTimeout(patience);
    },
  };
}

function draining(): RelayError {
  return new RelayError('draining', 'this replica is stopping', { retryAfter: RETRY_AFTER });
}
