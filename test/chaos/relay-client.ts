import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createContext, runInContext } from 'node:vm';
import type { io } from 'socket.io-client-4.4.0';

const SCRIPT = new URL('../../relay/client/relay-client.js', import.meta.url);

/**
 * The client with relay-client.js behind it, as its `<script>` finds it on a page. It changes the client for good, so
 * each call gives a copy of its own; the pages without it use the ES modules of the same version.
 */
export function loadRelayClient(): typeof io {
  const require = createRequire(import.meta.url);
  for (const path of Object.keys(require.cache).filter((name) => name.includes('/socket.io-client-4.4.0/'))) {
    delete require.cache[path];
  }
  const client: typeof io = require('socket.io-client-4.4.0');
  const storage = new Map<string, string>();
  const window = { io: client, dispatchEvent: () => true };
  const page = {
    window,
    document: { currentScript: null, querySelector: () => null },
    location: { href: 'http://127.0.0.1/messaging.php', hostname: '127.0.0.1' },
    sessionStorage: {
      getItem: (name: string) => storage.get(name) ?? null,
      setItem: (name: string, value: string) => storage.set(name, value),
    },
    CustomEvent: Event,
  };
  const { console, performance, setTimeout, clearTimeout, URL, TextDecoder, atob, fetch, AbortController } = globalThis;
  const platform = { console, performance, setTimeout, clearTimeout, URL, TextDecoder, atob, fetch, AbortController };
  runInContext(readFileSync(SCRIPT, 'utf8'), createContext({ ...page, ...platform }));
  return client;
}
