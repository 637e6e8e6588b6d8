import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Logger } from 'pino';

export interface Listener {
  readonly server: HttpServer | HttpsServer;
  readonly secure: boolean;
  /** Reads certificate and key again; bad ones keep the old. */
  reload(): void;
  close(): void;
}

export interface ListenerOptions {
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly log: Logger;
}

/** A request's head must be here within this, and all of it within that: slow senders hold no connection, ms. */
const HEADERS_WITHIN = 10_000;
const REQUEST_WITHIN = 30_000;
/** How often both are looked at, ms: Node's own 30 s would let a slow sender have 40. */
const CHECK_EVERY = 1_000;
/** How often certificate files are looked at, milliseconds: polling works on every file system, mounts included. */
const LOOK_EVERY = 2_000;

const LIMITS = {
  headersTimeout: HEADERS_WITHIN,
  requestTimeout: REQUEST_WITHIN,
  connectionsCheckingInterval: CHECK_EVERY,
};

function nothing(): void {
  // plain HTTP has no certificate to look after
}

/** The public HTTP server, with TLS when both files are given; a renewed certificate serves the next handshakes. */
export function createListener({ certFile, keyFile, log }: ListenerOptions): Listener {
  if (certFile === undefined || keyFile === undefined) {
    return { server: createHttpServer(LIMITS), secure: false, reload: nothing, close: nothing };
  }
  const files = [certFile, keyFile];
  const read = () => ({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  const server = createHttpsServer({ handshakeTimeout: HEADERS_WITHIN, ...LIMITS, ...read() });

  function reload(): void {
    try {
      const next = read();
      createSecureContext(next);
      server.setSecureContext(next);
      log.info({ files }, 'tls: certificate read');
    } catch (error) {
      log.error({ files, err: error }, 'tls: the new certificate or key is bad, keeping the old');
    }
  }
  for (const file of files) watchFile(file, { interval: LOOK_EVERY, persistent: false }, reload);

  return {
    server,
    secure: true,
    reload,
    close() {
      for (const file of files) unwatchFile(file, reload);
    },
  };
}
