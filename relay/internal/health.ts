import type { FastifyInstance } from 'fastify';
import type { Routes } from '../store/store.js';

/** `/health/live`: the process works. `/health/ready`: it is of use: a probe came back, and Redis takes writes. */
export function addHealthRoutes(app: FastifyInstance, routes: Routes, isDraining: () => boolean): void {
  app.get('/health/live', async () => ({ status: 'live' }));
  app.get('/health/ready', async (_request, reply) => {
    const { up, reason } = routes.health();
    const why = isDraining() ? 'draining' : `store: ${reason}`;
    if (up && !isDraining()) return { status: 'ready' };
    return reply.code(503).send({ status: 'unready', reason: why });
  });
}
