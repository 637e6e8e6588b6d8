import type { FastifyInstance } from 'fastify';
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
    const parsed = readSigned(request.headers.authorization, raw, tokens);
    if (raw !== undefined) request.body = parsed;
  });
}

/**
 * What a signed request holds, once its token and its body are believed; `undefined` for no body.
 * @throws RelayError `token_missing`, `token_invalid`, `token_expired`, `body_mismatch`, `invalid_json`
 */
export function readSigned(authorization: string | undefined, raw: Buffer | undefined, tokens: Tokens): unknown {
  const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined)
    throw new RelayError('token_missing', 'send Authorization: Bearer with a relay:internal token');
  tokens.verifyInternal(token, raw);
  return raw === undefined ? undefined : parse(raw);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parse(raw: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(raw));
  } catch (error) {
    throw new RelayError('invalid_json', `the body must be JSON in UTF-8: ${reasonOf(error)}`);
  }
}

/** Where it breaks, without what stands there: V8 quotes the text around it, which is a message's, and this is logged. */
function reasonOf(error: unknown): string {
  const said = error instanceof Error ? error.message : '';
  if (!said.endsWith('is not valid JSON')) return said;
  return /^(.*?), (?:\.{3})?"/s.exec(said)?.[1] ?? 'it is none';
}
