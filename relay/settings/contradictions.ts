import type { Problem } from './problem.js';
import type { Settings } from './table.js';

/** Settings that are good each by itself and not together. */
export function contradictions(settings: Settings, production: boolean): Problem[] {
  const problems: Problem[] = [];
  const need = (broken: boolean, variable: string, message: string) => {
    if (broken) problems.push({ variable, message });
  };
  const noBackend = settings.backendUrl === undefined;
  need(production && settings.secret === undefined, 'RELAY_SECRET', 'must be set in production (at least 32 bytes)');
  need(
    settings.identity.includes('session') && noBackend,
    'RELAY_BACKEND_URL',
    'must be set when RELAY_IDENTITY names session',
  );
  need(
    settings.clientSend === 'persist' && noBackend,
    'RELAY_BACKEND_URL',
    'must be set when RELAY_CLIENT_SEND is persist',
  );
  need(
    settings.emitterKey !== undefined && settings.redisUrl === undefined,
    'RELAY_REDIS_URL',
    'must be set when RELAY_EMITTER_KEY is',
  );
  const cert = settings.tlsCertFile !== undefined;
  const key = settings.tlsKeyFile !== undefined;
  need(cert && !key, 'RELAY_TLS_KEY_FILE', 'must be set when RELAY_TLS_CERT_FILE is');
  need(key && !cert, 'RELAY_TLS_CERT_FILE', 'must be set when RELAY_TLS_KEY_FILE is');
  return problems;
}

/** What is taken and should not be overlooked. */
export function advice(settings: Settings, production: boolean): Problem[] {
  const lines: Problem[] = [];
  if (production && settings.allowedOrigins === undefined) {
    const message = 'is not set: every browser will be refused. Set it to the origins of your pages';
    lines.push({ variable: 'RELAY_ALLOWED_ORIGINS', message });
  }
  if (settings.identity.includes('claim')) {
    const message = 'names claim: register_user is believed without proof, anyone can read as anyone';
    lines.push({ variable: 'RELAY_IDENTITY', message });
  }
  return lines;
}
