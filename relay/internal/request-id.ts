import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** PHP's own id of its request goes through to logs, traces and the backend; what is no sane id is replaced. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}
