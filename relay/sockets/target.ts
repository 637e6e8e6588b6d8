import type { IncomingMessage } from 'node:http';

/** What a request asks for. */
export interface Target {
  /** As it was sent and as Engine.IO compares it: `//host/socket.io/` and `/x/../socket.io/` are other paths. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | undefined>>;
}

/** Reads the target once for all who ask: Engine.IO takes the query from where it is left here. */
export function targetOf(request: IncomingMessage): Target {
  const { url = '/' } = request;
  const mark = url.indexOf('?');
  const query: Record<string, string> = Object.create(null);
  const text = mark < 0 ? '' : url.slice(mark + 1);
  for (const [name, value] of new URLSearchParams(text)) query[name] = value;
  // what Engine.IO's types leave out
  (request as IncomingMessage & { _query?: Target['query'] })._query = query;
  return { path: mark < 0 ? url : url.slice(0, mark), query };
}

/** The connection that it belongs to. An empty `sid` is none: to Engine.IO such a request is a handshake. */
export function sidOf({ query }: Target): string | undefined {
  return query.sid || undefined;
}
