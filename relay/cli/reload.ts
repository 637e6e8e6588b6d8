import type { Logger } from 'pino';
import type { Config } from '../config.js';
import type { Relay } from '../relay.js';
import { readConfigAgain } from './environment.js';

/** What SIGHUP does: secrets, allowed origins and TLS files are read again, each by itself (CONTRACT section 2). */
export function createReload(relay: Pick<Relay, 'reload'>, started: Config, log: Logger): () => void {
  let current = started;
  return () => {
    try {
      const { config, problems } = readConfigAgain(current);
      relay.reload(config);
      current = config;
      log.info('settings read again: secrets, allowed origins, TLS files');
      for (const { variable, message } of problems) {
        log.error({ variable, reason: message }, `settings not read again: ${variable} ${message}; it stays as it was`);
      }
    } catch (error) {
      log.error({ err: error }, 'settings not read again, the old ones stay');
    }
  };
}
