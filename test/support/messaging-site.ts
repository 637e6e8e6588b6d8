import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { internalApi } from './internal.js';
import { type Mariadb, startMariadb } from './mariadb.js';
import { type Php, runPhp, startPhp } from './php.js';
import { freePort } from './ports.js';
import { startChild } from './process.js';
import { type Relay, type RelayEnv, startRelay } from './relay.js';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.js';
import { onTeardown } from './teardown.js';
import { tempDir } from './temp.js';
import { SECRET } from './tokens.js';
import { until } from './until.js';

const BRIDGE = fileURLToPath(new URL('../../php-bridge/', import.meta.url));
const SITE = `${BRIDGE}site`;
const OUTBOX = `${BRIDGE}bin/outbox`;
const CLIENT = 'socket.io-client-4.4.0';
const entry = createRequire(import.meta.url).resolve(CLIENT);
const CLIENT_SCRIPT = `${entry.slice(0, entry.lastIndexOf(`/${CLIENT}/`))}/${CLIENT}/dist/socket.io.min.js`;

/** People of the seed, and the conversation that the two have. */
export const MIRA = 3;
export const JONAS = 17;
export const TALK = 5;

/** The site's tables, people and conversations: once a file, since a MariaDB takes its time to start. */
export async function startDatabase(): Promise<Mariadb> {
  const database = await startMariadb();
  await database.load(`${SITE}/schema.sql`, `${BRIDGE}schema/outbox.sql`, `${SITE}/seed.sql`);
  await emptyConversations(database);
  return database;
}

/** No message in any conversation. Ids go on rising: to a relay that runs on, a message under an old id is the old one. */
export async function emptyConversations(database: Mariadb): Promise<void> {
  await database.sql(
    'DELETE FROM Messages; DELETE FROM relay_outbox; UPDATE ConversationParticipants SET last_read_id = 0',
  );
}

/** The seed as the demo shows it, its messages included. */
export async function withSeed(database: Mariadb): Promise<void> {
  const tables = ['users', 'Conversations', 'ConversationParticipants', 'Messages'];
  await database.sql(tables.map((table) => `DELETE FROM ${table};`).join(' '));
  await database.load(`${SITE}/seed.sql`);
}

/** A relay whose addresses are known before it starts and stay when it is started again. */
export interface RelayPlace {
  readonly url: string;
  readonly internalUrl: string;
  start(env?: RelayEnv): Promise<Relay>;
}

export async function relayPlace(defaults: RelayEnv = {}): Promise<RelayPlace> {
  const port = await freePort();
  const internalPort = await freePort();
  const ports = { RELAY_PORT: port, RELAY_INTERNAL_PORT: internalPort };
  return {
    url: `http://127.0.0.1:${port}`,
    internalUrl: `http://127.0.0.1:${internalPort}`,
    start: (env = {}) => startRelay({ ...ports, ...defaults, ...env }),
  };
}

export interface SiteOptions {
  /** The relay as browsers reach it, and as PHP does. */
  relayUrl: string;
  internalUrl: string;
  /** Sessions, the breaker: what several servers of one site share. */
  folder: string;
  env?: Record<string, string>;
}

export interface Site extends Php {
  /** For `RELAY_BACKEND_URL`. */
  readonly backendUrl: string;
  /** `bin/outbox --once`; gives its exit status, `exit 0` or another, and what it printed. */
  drain(): Promise<string>;
  /**
   * `bin/outbox --watch`, the service that a site runs for what the relay did not take in time. Gives what stops it: the
   * tests of a file share the database, and a service that ran on would give the rows of the next ones to its own relay.
   */
  keepDraining(): () => Promise<unknown>;
}

/** The site on PHP's own server, its page as unmodified as `env` leaves it, with the client that old pages load. */
export async function startSite(database: Mariadb, options: SiteOptions): Promise<Site> {
  const { relayUrl, internalUrl, folder, env } = options;
  const shared = {
    SITE_DB_DSN: database.dsn,
    SITE_DB_USER: database.user,
    SITE_DB_PASSWORD: database.password,
    RELAY_SECRET: SECRET,
    RELAY_INTERNAL_URL: internalUrl,
  };
  const page = {
    SITE_DEMO_LOGIN: '1',
    SITE_SOCKETIO_FILE: CLIENT_SCRIPT,
    SITE_SOCKETIO_URL: 'vendor/socket.io-4.4.0.min.js',
    RELAY_PUBLIC_URL: relayUrl,
  };
  const php = await startPhp({
    root: SITE,
    router: `${SITE}/router.php`,
    ini: { 'session.save_path': folder, sys_temp_dir: folder },
    workers: 6,
    env: { ...shared, ...page, ...env },
  });
  return {
    ...php,
    backendUrl: `${php.url}/relay-backend.php`,
    async drain() {
      const { code, output } = await runPhp([OUTBOX, '--once'], shared);
      return `exit ${code}: ${output.join('\n')}`;
    },
    keepDraining() {
      const service = startChild('php', [OUTBOX, '--watch'], { env: shared });
      onTeardown(() => service.kill());
      return service.kill;
    },
  };
}

export interface StageOptions {
  relay?: RelayEnv;
  site?: Record<string, string>;
}

export interface Stage {
  readonly site: Site;
  /** Between browsers and the relay. */
  readonly publicLine: TcpProxy;
  /** Between PHP and the relay. */
  readonly internalLine: TcpProxy;
  readonly relay: Relay;
  /** Starts the relay again where it was, with the settings it had. */
  restart(): Promise<Relay>;
}

/** One relay and one site that know each other; identity by the PHP session unless told another. */
export async function stage(database: Mariadb, options: StageOptions = {}): Promise<Stage> {
  const place = await relayPlace();
  const lineTo = (url: string) => startTcpProxy({ port: Number(new URL(url).port) });
  const [publicLine, internalLine] = [await lineTo(place.url), await lineTo(place.internalUrl)];
  const site = await startSite(database, {
    relayUrl: `http://127.0.0.1:${publicLine.port}`,
    internalUrl: `http://127.0.0.1:${internalLine.port}`,
    folder: await tempDir(),
    ...(options.site && { env: options.site }),
  });
  const env = { RELAY_IDENTITY: 'session', RELAY_BACKEND_URL: site.backendUrl, ...options.relay };
  const restart = () => place.start(env);
  return { site, publicLine, internalLine, relay: await restart(), restart };
}

/** Waits until the browsers of these people are known to have the newest message. */
export async function confirmed(relay: Relay, database: Mariadb, ...users: readonly number[]): Promise<void> {
  const [newest] = await database.sql('SELECT MAX(message_id) FROM Messages');
  await until(`message ${newest} to be confirmed`, async () => {
    const { body } = await internalApi(relay).get(`/messages/${newest}/trace`);
    const { recipients } = body as { recipients: Record<string, { confirmed: string | null } | undefined> };
    return users.every((user) => recipients[user]?.confirmed);
  });
}

/**
 * Waits until Redis knows that each of these people has confirmed their first `count` messages. The relay writes that a
 * moment after the confirmation; killed within it, it shows an unmodified page the last ones again.
 */
export async function confirmedInRedis(
  redis: { url: string; prefix: string },
  count: number,
  ...users: readonly number[]
) {
  const client = new Redis(redis.url);
  try {
    for (const user of users) {
      await until(`message ${count} of user ${user} to be confirmed in Redis`, async () => {
        const cursors = await client.hvals(`${redis.prefix}{${user}}:confirmed`);
        return cursors.length > 0 && cursors.every((cursor) => new RegExp(`\\.${count}\\b`).test(cursor));
      });
    }
  } finally {
    client.disconnect();
  }
}
