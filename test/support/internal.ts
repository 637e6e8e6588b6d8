import { internalToken, type TokenOptions } from './tokens.js';

export interface Answer {
  status: number;
  headers: Headers;
  // The shape differs by route and status; a test reads it with `toMatchObject`, or names the shape it expects.
  body: unknown;
}

export interface CallOptions extends TokenOptions {
  headers?: Record<string, string>;
  /** `false` sends no token. */
  authorize?: boolean;
}

/** The internal API of a relay, called as PHP calls it: a token bound to the bytes of the body. */
export interface Internal {
  get(path: string, options?: CallOptions): Promise<Answer>;
  /** A string or bytes go out as they are, anything else as JSON. */
  post(path: string, body: unknown, options?: CallOptions): Promise<Answer>;
  notify(notification: Record<string, unknown>, options?: CallOptions): Promise<Answer>;
}

export function internalApi(relay: { internalUrl: string }, defaults: CallOptions = {}): Internal {
  const call = async (
    method: string,
    path: string,
    body: string | Uint8Array<ArrayBuffer> | undefined,
    own: CallOptions,
  ) => {
    const options = { ...defaults, ...own };
    const headers = new Headers(options.headers);
    if (body !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json');
    if (options.authorize !== false && !headers.has('authorization')) {
      headers.set('authorization', `Bearer ${internalToken(body, options)}`);
    }
    const response = await fetch(`${relay.internalUrl}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, headers: response.headers, body: parse(await response.text()) };
  };
  const post: Internal['post'] = (path, body, options = {}) => call('POST', path, encode(body), options);
  return {
    get: (path, options = {}) => call('GET', path, undefined, options),
    post,
    notify: (notification, options) => post('/notify', notification, options),
  };
}

function encode(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  return JSON.stringify(body);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
