import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyHelmetOptions } from '@fastify/helmet';
import serveStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

/**
 * Stricter than helmet's own: nothing inline, nothing from elsewhere, no markup from text, and no form that is sent by
 * itself, which would put a secret into an address. Without `upgrade-insecure-requests`: this listener speaks plain HTTP.
 */
const POLICY: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
      objectSrc: ["'none'"],
      requireTrustedTypesFor: ["'script'"],
    },
  },
};

const PAGE = fileURLToPath(new URL('./console/', import.meta.url));
const PLOTS = dirname(createRequire(import.meta.url).resolve('uplot'));

/** `GET /` and what it loads. It holds no data and asks for no token: what it fetches does. */
export async function addConsolePage(app: FastifyInstance): Promise<void> {
  // only for `sendFile`: what is allowed to be asked for by its path does not bind this one
  await app.register(serveStatic, { root: PAGE, serve: false });
  await app.register(serveStatic, { root: PAGE, prefix: '/console/', allowedPath: isPart, decorateReply: false });
  await app.register(serveStatic, {
    root: PLOTS,
    prefix: '/console/uplot/',
    allowedPath: (path) => path === '/uPlot.esm.js' || path === '/uPlot.min.css',
    decorateReply: false,
  });
  app.get('/', { helmet: POLICY }, (_request, reply) => reply.sendFile('index.html', PAGE));
}

const isPart = (path: string) => /^\/[a-z-]+\.(js|css|svg)$/.test(path);
