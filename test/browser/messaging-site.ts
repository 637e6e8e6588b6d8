import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { internalApi } from '../support/internal.js';
import { type Mariadb, startMariadb } from '../support/mariadb.js';
import { type Php, runPhp, startPhp } from '../support/php.js';
import { freePort } from '../support/ports.js';
import { startChild } from '../support/process.js';
import { type Relay, type RelayEnv, startRelay } from '../support/relay.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { onTeardown } from '../support/teardown.js';
import { tempDir } from '../support/temp.js';
import { SECRET } from '../support/tokens.js';
import { until } from '../support/until.js';
import { tap, type Wire } from './wire.js';

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
    drain: async () => (await runPhp([OUTBOX, '--once'], shared)).code,
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
  /** Waits until a message is on the page. */
  sees(text: string): Promise<void>;
  /** Waits for as many messages, then expects exactly these, in this order. */
  shows(expected: readonly string[]): Promise<void>;
  /**
   * Expects exactly these to have come over the wire since the page was opened, each once: the page alone might have one
   * from the history that PHP gave it, and a relay that sent it twice, or never, would not be noticed.
   */
  cameOnce(expected: readonly string[]): Promise<void>;
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
    sees: async (text) => void (await until(`"${text}"`, async () => (await texts()).includes(text), 15_000)),
    async shows(expected) {
      // What is missing says more than that something is: so the time-out is left to the comparison.
      const enough = async () => (await texts()).length >= expected.length;
      await until('the messages', enough, 15_000).catch(() => undefined);
      expect(await texts(), wire.story()).toEqual(expected);
    },
    async cameOnce(expected) {
      await expect.poll(() => liveContents(wire).sort()).toEqual([...expected].sort());
    },
    async registered(times) {
      const known = () => wire.live && answers().filter((answer) => answer.ok).length >= times;
      await until(`registration ${times}`, known, 20_000).catch((error: Error) => {
        throw new Error(`${error.message}; answers: ${JSON.stringify(answers())}; errors: ${errors.join(' | ')}`);
      });
    },
  };
}

/** Not in their order: what came over polling is read a moment later than what came over the WebSocket after it. */
function liveContents(wire: Wire): string[] {
  const received = wire.received('receive_message').map(([message]) => message as { content: string });
  const sent = wire.received('message_sent').map(([answer]) => (answer as { message: { content: string } }).message);
  return [...received, ...sent].map(({ content }) => content);
}
