import { fileURLToPath } from 'node:url';
import helmet from '@fastify/helmet';
import serveStatic from '@fastify/static';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { errorBody, RelayError } from '../errors.js';
import type { TryPage } from '../try/try-page.js';

/** The few plain routes of the public listener (CONTRACT section 6, end). */
export async function addPublicRoutes(app: FastifyInstance, tryPage: TryPage | undefined): Promise<void> {
  await app.register(helmet, {
    // scripts are loaded by pages of other origins; whether this listener speaks TLS is not known here
    crossOriginResourcePolicy: { policy: 'cross-origin' },
    hsts: false,
    contentSecurityPolicy: {
      directives: { 'connect-src': ["'self'", 'ws:', 'wss:'], 'upgrade-insecure-requests': null },
    },
  });
  await app.register(serveStatic, {
    root: fileURLToPath(new URL('../client/', import.meta.url)),
    serve: false,
    maxAge: '1h',
  });
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/relay-client.js', (_request, reply) => reply.sendFile('relay-client.js'));
  if (tryPage !== undefined) await tryPage.addRoutes(app);
  app.setNotFoundHandler((_request, reply) => answerNothingHere(reply));
  app.setErrorHandler((error, _request, reply) => {
    const known = error instanceof RelayError;
    if (!known) app.log.error({ err: error }, 'a public route failed');
    reply.code(known ? error.status : 500).send({ error: errorBody(error) });
  });
}

/** Whatever is asked for: a URL that can't be read too. */
export function answerNothingHere(reply: FastifyReply): void {
  reply.code(404).send({ error: errorBody(new RelayError('not_found', 'there is nothing here')) });
}
