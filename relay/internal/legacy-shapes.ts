import type { FastifyInstance } from 'fastify';
import type { ShapeCollector } from '../legacy/learn.js';

/** `GET /legacy/shapes`: what arrived at this replica since its start and was not understood; names and types only. */
export function addLegacyShapesRoute(app: FastifyInstance, shapes: ShapeCollector): void {
  app.get('/legacy/shapes', async () => ({ shapes: shapes.list() }));
}
