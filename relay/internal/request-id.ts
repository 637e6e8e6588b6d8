import { randomUUID } from 'node:crypto';

/** PHP's own id of its request goes through to logs, traces and the backend; what is no sane id is replaced. */
export function requestIdOf(given: unknown): string {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}
