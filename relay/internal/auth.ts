import type { FastifyInstance, FastifyRequest } from 'fastify';
import { RelayError } from '../errors.js';
import type { Tokens } from '../tokens.js';

/**
 * Asks every route below `app` for a token bound to the raw body, and only then parses that body as JSON, whatever
 * its content type says.
 */
export function requireToken(app: FastifyInstance, tokens: Tokens): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('preValidation', async (request) => {
    const raw = Buffer.isBuffer(request.body) ? request.body : undefined;
    tokens.verifyInternal(tokenOf(request), raw);
    if (raw !== undefined) request.body = parse(raw);
  });
}

function tokenOf({ headers: { authorization } }: FastifyRequest): string {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined)
    throw new RelayError('token_missing', 'send Authorization: Bearer with a relay:internal token');
  return token;
}

function parse(raw: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw));
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'not JSON';
    throw new RelayError('invalid_json', `the body must be JSON in UTF-8: ${reason}`);
  }
}
