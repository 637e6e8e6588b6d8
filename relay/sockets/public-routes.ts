import { fileURLToPath } from 'node:url';
import helmet from '@fastify/helmet';
import serveStatic from '@fastify/static';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
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
  app.setErrorHandler((error: FastifyError | RelayError, _request, reply) => {
    const status = error instanceof RelayError ? error.status : (error.statusCode ?? 500);
    if (status < 500) return reply.code(status).send({ error: errorBody(known(error, status)) });
    app.log.error({ err: error }, 'a public route failed');
    return reply.code(500).send({ error: errorBody(error) });
  });
}

/** Fastify's own refusals, of a body that it can't read, in the words of the contract. */
function known(error: Error, status: number): RelayError {
  if (error instanceof RelayError) return error;
  return new RelayError(status === 413 ? 'payload_too_large' : 'invalid_body', error.message);
}

/** Whatever is asked for: a URL that can't be read too. */
export function answerNothingHere(reply: FastifyReply): void {
  reply.code(404).send({ error: errorBody(new RelayError('not_found', 'there is nothing here')) });
}
