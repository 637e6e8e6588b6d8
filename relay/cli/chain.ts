import type { Config } from '../config.js';
import type { Place } from './ask.js';
import { placeOf } from './internal-api.js';

/** What the doctor is to examine. */
export interface Chain {
  readonly config: Config;
  /** Where PHP's own settings stand (`SITE_DB_DSN`). */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where browsers connect to. */
  readonly url: URL;
  /** Where PHP notifies. */
  readonly internal: Place;
  /** That of the site's pages; `undefined` when nobody said. */
  readonly origin: string | undefined;
  readonly page: URL | undefined;
  /** How long a connection is left alone, seconds; `undefined` for not at all. */
  readonly idleSeconds: number | undefined;
  /** Milliseconds. */
  readonly now: () => number;
}

export interface ChainOptions {
  readonly url?: string;
  readonly internal?: string;
  readonly origin?: string;
  readonly page?: string;
  readonly slow?: boolean;
}

/** An option that is not what it must be. */
export class ChainError extends Error {}

/** Longer than the 60 s of nginx and of most load balancers. */
const PATIENCE = 75;

/** What is not given comes from the settings, those of PHP first: they name what is reached. @throws ChainError */
export function chainOf(options: ChainOptions, config: Config, env: Chain['env']): Chain {
  const page = options.page === undefined ? undefined : urlOf('--page', options.page);
  const url = urlOf('--url', options.url ?? (env.RELAY_PUBLIC_URL || publicUrl(config)));
  const internal = options.internal ?? (env.RELAY_INTERNAL_URL || internalUrl(config));
  const place = placeOf(internal);
  if (place === undefined) throw new ChainError(`--internal must be http://host:port or unix:/path, not ${internal}`);
  return {
    config,
    env,
    url,
    internal: place,
    origin: options.origin === undefined ? originOf(config, url, page) : urlOf('--origin', options.origin).origin,
    page,
    idleSeconds: options.slow === true ? PATIENCE : undefined,
    now: Date.now,
  };
}

/** Outside production a relay that is told no origins takes the pages of its own machine. */
function originOf({ allowedOrigins, production }: Config, url: URL, page: URL | undefined): string | undefined {
  const local = !production && /^(localhost|127\.|\[::1\])/.test(url.hostname) ? 'http://localhost' : undefined;
  return page?.origin ?? allowedOrigins?.[0] ?? local;
}

function urlOf(option: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text.replace(/^ws(s?):/, 'http$1:')) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new ChainError(`${option} must be like https://www.example.org, not ${text}`);
}

function publicUrl({ host, port, tlsCertFile }: Config): string {
  return `${tlsCertFile === undefined ? 'http' : 'https'}://${reachable(host, 'localhost')}:${port}`;
}

function internalUrl({ internalHost, internalPort }: Config): string {
  return `http://${reachable(internalHost, '127.0.0.1')}:${internalPort}`;
}

/** Where this machine reaches a listener. */
function reachable(host: string, own: string): string {
  if (host === '0.0.0.0' || host === '::') return own;
  return host.includes(':') ? `[${host}]` : host;
}
