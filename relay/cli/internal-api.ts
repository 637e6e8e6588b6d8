import type { Tokens } from '../tokens.js';
import { type Answer, ask, type Place } from './ask.js';

/** The internal API, called as PHP calls it. Rejects when there is no answer. */
export interface InternalApi {
  readonly place: Place;
  get(path: string): Promise<Answer>;
  post(path: string, body: object): Promise<Answer>;
}

export function createInternalApi(place: Place, tokens: Tokens): InternalApi {
  const bearer = (body: string | undefined) => `Bearer ${tokens.signCall('relay:internal', body)}`;
  return {
    place,
    get: (path) => ask(place, path, { headers: { authorization: bearer(undefined) }, verify: true }),
    post(path, body) {
      const text = JSON.stringify(body);
      const headers = { authorization: bearer(text), 'content-type': 'application/json' };
      return ask(place, path, { method: 'POST', body: text, headers, verify: true });
    },
  };
}

/** `http://host:port` or `unix:/path`; `undefined` for anything else. */
export function placeOf(text: string): Place | undefined {
  const socketPath = /^unix:(?:\/\/)?(\/.+)$/.exec(text)?.[1];
  if (socketPath !== undefined) return { url: new URL('http://localhost'), socketPath };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) ? { url } : undefined;
}

export function nameOf({ url, socketPath }: Place): string {
  return socketPath === undefined ? url.origin : `unix:${socketPath}`;
}
