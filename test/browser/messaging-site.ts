import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { type Mariadb, startMariadb } from '../support/mariadb.js';
import { type Php, runPhp, startPhp } from '../support/php.js';
import { freePort } from '../support/ports.js';
import { type Relay, type RelayEnv, startRelay } from '../support/relay.js';
import { onTeardown } from '../support/teardown.js';
import { tempDir } from '../support/temp.js';
import { SECRET } from '../support/tokens.js';
import { until } from '../support/until.js';
import { tap, type Wire } from './wire.js';

const BRIDGE = fileURLToPath(new URL('../../php-bridge/', import.meta.url));
const SITE = `${BRIDGE}site`;
const CLIENT = 'socket.io-client-4.4.0';
const entry = createRequire(import.meta.url).resolve(CLIENT);
const CLIENT_SCRIPT = `${entry.slice(0, entry.lastIndexOf(`/${CLIENT}/`))}/${CLIENT}/dist/socket.io.min.js`;

/** People of the seed, and the conversation that the two have. */
export const MIRA = 3;
export const JONAS = 17;
export const TALK = 5;

/** Loads the site's tables: once a file, since a MariaDB takes its time to start. */
export async function startDatabase(): Promise<Mariadb> {
  const database = await startMariadb();
  await database.load(`${SITE}/schema.sql`, `${BRIDGE}schema/outbox.sql`);
  return database;
}

/** The seed's people and conversations, and no message yet. */
export async function emptyConversations(database: Mariadb): Promise<void> {
  const tables = ['users', 'Conversations', 'ConversationParticipants', 'Messages', 'relay_outbox'];
  await database.sql(tables.map((table) => `TRUNCATE ${table};`).join(' '));
  await database.load(`${SITE}/seed.sql`);
  await database.sql('TRUNCATE Messages; UPDATE ConversationParticipants SET last_read_id = 0');
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
  /** `bin/outbox --once`; gives its exit status. */
  drain(): Promise<number | null>;
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
    drain: async () => (await runPhp([`${BRIDGE}bin/outbox`, '--once'], shared)).code,
  };
}

export interface StageOptions {
  relay?: RelayEnv;
  site?: Record<string, string>;
  /** What stands between browsers and the relay, or between PHP and the relay. */
  relayUrl?: (place: RelayPlace) => Promise<string>;
  internalUrl?: (place: RelayPlace) => Promise<string>;
}

export interface Stage {
  readonly site: Site;
  readonly place: RelayPlace;
  readonly relay: Relay;
  /** Starts the relay again where it was, with the settings it had. */
  restart(): Promise<Relay>;
}

/** One relay and one site that know each other, empty conversations; identity by the PHP session unless told another. */
export async function stage(database: Mariadb, options: StageOptions = {}): Promise<Stage> {
  await emptyConversations(database);
  const place = await relayPlace();
  const site = await startSite(database, {
    relayUrl: (await options.relayUrl?.(place)) ?? place.url,
    internalUrl: (await options.internalUrl?.(place)) ?? place.internalUrl,
    folder: await tempDir(),
    ...(options.site && { env: options.site }),
  });
  const env = { RELAY_IDENTITY: 'session', RELAY_BACKEND_URL: site.backendUrl, ...options.relay };
  return { site, place, relay: await place.start(env), restart: () => place.start(env) };
}

export interface Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly wire: Wire;
  /** What the page threw and wrote to the console as an error. */
  readonly errors: readonly string[];
  /** Types a message and presses Enter. */
  write(text: string): Promise<void>;
  /** The messages on the page. */
  texts(): Promise<string[]>;
  /** Waits for as many messages, then expects exactly these, in this order. */
  shows(expected: readonly string[]): Promise<void>;
  /** Waits until the relay has registered the page `times` in all, and its connection is a WebSocket. */
  registered(times: number): Promise<void>;
}

export interface VisitOptions {
  /** A profile that exists already: another tab of the same person. */
  context?: BrowserContext;
  /** `null` opens none. */
  conversation?: number | null;
  variant?: 'ajax' | 'socket';
}

/** Logs in and opens the messaging page; comes back when the relay knows who it is. */
export async function visit(browser: Browser, site: Php, user: number, options: VisitOptions = {}): Promise<Visitor> {
  const context = options.context ?? (await newProfile(browser));
  if (!options.context) await context.request.get(`${site.url}/login.php?user=${user}`, { maxRedirects: 0 });
  const page = await context.newPage();
  const visitor = observe(context, page);
  const query = new URLSearchParams({ variant: options.variant ?? 'ajax' });
  if (options.conversation !== null) query.set('conversation', String(options.conversation ?? TALK));
  await page.goto(`${site.url}/messaging.php?${query}`);
  await visitor.registered(1);
  return visitor;
}

async function newProfile(browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext();
  onTeardown(() => context.close());
  return context;
}

function observe(context: BrowserContext, page: Page): Visitor {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  const wire = tap(page);
  const texts = () => page.locator('#messages .text').allTextContents();
  const answers = () => wire.received('registered').map(([answer]) => answer as { ok: boolean });
  return {
    page,
    context,
    wire,
    errors,
    texts,
    async write(text) {
      await page.fill('#text', text);
      await page.press('#text', 'Enter');
    },
    async shows(expected) {
      // What is missing says more than that something is: so the time-out is left to the comparison.
      const enough = async () => (await texts()).length >= expected.length;
      await until('the messages', enough, 15_000).catch(() => undefined);
      expect(await texts()).toEqual(expected);
    },
    async registered(times) {
      const known = () => wire.live && answers().filter((answer) => answer.ok).length >= times;
      await until(`registration ${times}`, known, 20_000).catch((error: Error) => {
        throw new Error(`${error.message}; answers: ${JSON.stringify(answers())}; errors: ${errors.join(' | ')}`);
      });
    },
  };
}
