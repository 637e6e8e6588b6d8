import { type FieldNames, parseFieldNames } from '../legacy/field-names.js';
import type { Parser } from './parsers.js';
import * as parse from './parsers.js';

/** The page events of the old site that its server answered itself (CONTRACT section 7). */
export const BACKEND_EVENTS = [
  'get_conversation',
  'get_messages',
  'getUnreadCount',
  'getUnreadConversations',
  'getConversationParticipants',
  'getAllConversations',
  'search_users',
  'mark_messages_read',
] as const;

/** One environment variable. `file`: its value may come from the file that `<variable>_FILE` names. */
export interface Setting<T> {
  readonly variable: string;
  readonly parse: Parser<T>;
  readonly fallback: T;
  readonly meaning: string;
  readonly file?: true;
}

function setting<T>(variable: string, parser: Parser<T>, fallback: NoInfer<T>, meaning: string): Setting<T> {
  return { variable, parse: parser, fallback, meaning };
}

function fromFile<T>(row: Setting<T>): Setting<T> {
  return { ...row, file: true };
}

function optional<T>(parser: Parser<T>): Parser<T | undefined> {
  return parser;
}

/** Every setting, in the order of the documentation. The variables' defaults and units are CONTRACT section 2. */
export const SETTINGS = {
  host: setting('RELAY_HOST', parse.host, '0.0.0.0', 'address of the public listener'),
  port: setting('RELAY_PORT', parse.integer(0, 65535), 3000, 'port of the public listener, 0 for any free one'),
  internalHost: setting('RELAY_INTERNAL_HOST', parse.host, '127.0.0.1', 'address of the internal listener'),
  internalPort: setting('RELAY_INTERNAL_PORT', parse.integer(0, 65535), 3001, 'port of the internal listener'),
  internalSocket: setting('RELAY_INTERNAL_SOCKET', optional(parse.text), undefined, 'Unix socket of the internal API'),
  secret: fromFile(setting('RELAY_SECRET', optional(parse.secret), undefined, 'signs and verifies every token')),
  previousSecret: fromFile(
    setting('RELAY_PREVIOUS_SECRET', optional(parse.secret), undefined, 'still accepted, for rotation without logout'),
  ),
  identity: setting('RELAY_IDENTITY', parse.listOf('token', 'session', 'claim'), ['token'], 'proofs accepted'),
  allowedOrigins: fromFile(
    setting('RELAY_ALLOWED_ORIGINS', optional(parse.origins), undefined, 'page origins that may connect'),
  ),
  backendUrl: setting('RELAY_BACKEND_URL', optional(parse.httpUrl), undefined, 'the PHP endpoint'),
  backendEvents: setting('RELAY_BACKEND_EVENTS', parse.eventNames, BACKEND_EVENTS, 'page events handed to PHP'),
  clientSend: setting(
    'RELAY_CLIENT_SEND',
    parse.oneOf('hold', 'instant', 'persist'),
    'hold',
    "what a page's send_message does",
  ),
  senderEcho: setting(
    'RELAY_SENDER_ECHO',
    parse.oneOf('message_sent', 'receive_message', 'none'),
    'message_sent',
    "what the sender's own tabs get",
  ),
  redisUrl: fromFile(setting('RELAY_REDIS_URL', optional(parse.redisUrl), undefined, 'Redis; without it: in memory')),
  redisPrefix: setting('RELAY_REDIS_PREFIX', parse.text, 'relay:', 'every key and channel starts with it'),
  inboxLimit: setting('RELAY_INBOX_LIMIT', parse.integer(1, 100_000), 200, 'messages kept per user'),
  inboxTtl: setting('RELAY_INBOX_TTL', parse.integer(1, 31_536_000), 86_400, 'seconds messages are kept'),
  tlsCertFile: setting('RELAY_TLS_CERT_FILE', optional(parse.text), undefined, 'certificate chain, PEM'),
  tlsKeyFile: setting('RELAY_TLS_KEY_FILE', optional(parse.text), undefined, 'private key, PEM'),
  legacyNotifiers: setting('RELAY_LEGACY_NOTIFIERS', parse.addresses, [], 'addresses of old WebSocket\\Client PHP'),
  legacyFields: setting<FieldNames>(
    'RELAY_LEGACY_FIELDS',
    parseFieldNames,
    parseFieldNames(''),
    'names that the old PHP uses and the relay does not know',
  ),
  emitterKey: setting(
    'RELAY_EMITTER_KEY',
    optional(parse.channelKey),
    undefined,
    'key of the Socket.IO emitters that publish through Redis, usually socket.io',
  ),
  trustedProxies: setting('RELAY_TRUSTED_PROXIES', parse.addresses, [], 'whose X-Forwarded-For is believed'),
  allowEio3: setting('RELAY_ALLOW_EIO3', parse.boolean, false, 'also Socket.IO v2 browsers'),
  maxPayload: setting('RELAY_MAX_PAYLOAD', parse.integer(1024, 8_388_608), 65_536, 'bytes of one event or message'),
  maxConnections: setting('RELAY_MAX_CONNECTIONS', parse.integer(0, 10_000_000), 100_000, 'sockets a replica'),
  maxConnectionsPerUser: setting('RELAY_MAX_CONNECTIONS_PER_USER', parse.integer(0, 100_000), 30, 'sockets a user'),
  maxConnectionsPerIp: setting('RELAY_MAX_CONNECTIONS_PER_IP', parse.integer(0, 10_000_000), 0, 'sockets an address'),
  acceptRate: setting('RELAY_ACCEPT_RATE', parse.integer(0, 1_000_000), 1000, 'new connections a second'),
  notifyRate: setting('RELAY_NOTIFY_RATE', parse.integer(0, 10_000_000), 0, 'notifications a second'),
  eventRate: setting('RELAY_EVENT_RATE', parse.integer(0, 100_000), 20, 'events a second and socket'),
  maxBuffered: setting('RELAY_MAX_BUFFERED', parse.integer(1024, 1_073_741_824), 1_048_576, 'bytes queued a socket'),
  registerTimeout: setting('RELAY_REGISTER_TIMEOUT', parse.seconds(0.1, 3600), 10, 'seconds without a user'),
  drainSeconds: setting('RELAY_DRAIN_SECONDS', parse.seconds(0, 3600), 10, 'seconds over which sockets are closed'),
  logLevel: setting(
    'RELAY_LOG_LEVEL',
    parse.oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'info',
    'pino level',
  ),
} as const;

type Table = typeof SETTINGS;
export type Settings = { readonly [K in keyof Table]: Table[K] extends Setting<infer T> ? T : never };
