import { setMaxListeners } from 'node:events';
import { startReadmeNginx } from '../support/proxies.js';
import { startRedis } from '../support/redis.js';
import { until } from '../support/until.js';
import { startBackend } from './backend.js';
import { openBrowsers, type Tab } from './browser.js';
import { cutRepeatedly } from './cuts.js';
import { breakRepeatedly } from './faults.js';
import { createFeeder, type Feeder } from './feeder.js';
import { createJournal, type Journal } from './journal.js';
import { createLedger, type Ledger } from './ledger.js';
import type { Experiment } from './options.js';
import { pause } from './pause.js';
import { populate } from './population.js';
import { createReplica, type Replica } from './replica.js';
import { randomFrom } from './seed.js';

/** Everything that was seen, for report.ts and evidence.ts to read. */
export interface Outcome {
  readonly experiment: Experiment;
  readonly ledger: Ledger;
  readonly tabs: readonly Tab[];
  /** Faults and phases of the run. */
  readonly journal: Journal;
  /** Tabs that are not connected at the end, or were not shown what was sent when all was whole again. */
  readonly neverBack: readonly string[];
  readonly cuts: number;
  readonly faults: number;
  readonly answers: ReadonlyMap<string, number>;
  readonly replicas: readonly Replica[];
}

const CONNECT_WITHIN_MS = 30_000;
/** Longer than the page's `getUnreadCount` interval, which is the last thing that can bring a page back. */
const SETTLE_WITHIN_MS = 35_000;
/** Stock Socket.IO brings nothing later: what it has not shown after this long without any showing it never will. */
const STOCK_QUIET_MS = 4_000;

/**
 * Connects everybody, breaks things for `seconds`, mends them and waits until every tab was shown everything, or for
 * the bounded time that may take. What it started ends with the test, or at `releaseFile()`.
 */
export async function run(experiment: Experiment): Promise<Outcome> {
  const journal = createJournal();
  const ledger = createLedger();
  const { places, conversations } = populate(experiment.clients, randomFrom(experiment.seed, 'population'));
  const fsync = experiment.fsync === 'always' ? [] : ['--appendfsync', experiment.fsync];
  const redis = experiment.memory ? undefined : await startRedis({ appendonly: true, args: fsync });
  const backendUrl = await startBackend(conversations);
  const surroundings = { redisUrl: redis?.url, backendUrl };
  const replicas = await Promise.all(
    Array.from({ length: experiment.replicas }, () => createReplica(experiment, surroundings)),
  );
  await Promise.all(replicas.map((replica) => replica.start()));

  const browsers = await openBrowsers(places, ledger, await entrances(replicas, experiment), experiment);
  const tabs = browsers.flatMap((browser) => browser.tabs);
  const giveUp = new AbortController();
  const stop = new AbortController();
  // Every conversation and browser waits on these: many listeners are no leak.
  setMaxListeners(0, giveUp.signal, stop.signal);
  const feeder = createFeeder(conversations, replicas, ledger, experiment, giveUp.signal);
  await everybodyReached(tabs, feeder);
  journal.note('everybody is connected');

  const { signal } = stop;
  const broken = breakRepeatedly({ replicas, redis, journal }, experiment, signal);
  const cut = Promise.all(browsers.map((browser) => cutRepeatedly(browser, experiment, signal)));
  const fed = feeder.feed(signal);
  // A fault that fails, a replica that does not start again for one, ends the run at once.
  await Promise.race([pause(experiment.seconds * 1_000, signal), broken]).finally(() => stop.abort());
  const [faults, cuts] = await Promise.all([broken, cut]);
  journal.note('everything is whole again');

  const tooLate = setTimeout(() => giveUp.abort(), 2 * SETTLE_WITHIN_MS);
  await fed;
  const back = await settle(tabs, ledger, feeder, experiment);
  clearTimeout(tooLate);
  giveUp.abort();
  journal.note('settled');
  return {
    experiment,
    ledger,
    tabs,
    journal,
    neverBack: tabs.filter((tab) => !back(tab)).map(({ account }) => account.tab),
    cuts: cuts.reduce((sum, count) => sum + count, 0),
    faults,
    answers: feeder.answers,
    replicas,
  };
}

/** The ports that pages connect to. */
async function entrances(replicas: readonly Replica[], { through }: Experiment): Promise<number[]> {
  const ports = replicas.map(({ port }) => port);
  return through === 'nginx' ? [(await startReadmeNginx({ relays: ports })).port] : ports;
}

async function everybodyReached(tabs: readonly Tab[], feeder: Feeder): Promise<void> {
  const rest = (): Tab[] => tabs.filter(({ page }) => !page.connected() || !page.probed());
  const reached = async (): Promise<boolean> => {
    await feeder.probe();
    return rest().length === 0;
  };
  await until('every page to be connected and reached', reached, CONNECT_WITHIN_MS).catch((error: Error) => {
    const first = rest()[0];
    const told = first?.journal.entries.map(({ what }) => what).join('\n');
    throw new Error(`${error.message}; ${rest().length} are not, ${first?.account.tab} among them:\n${told}`);
  });
}

/** @returns whether a tab came back: is connected, and was shown what was sent once all were */
async function settle(tabs: readonly Tab[], ledger: Ledger, feeder: Feeder, { server }: Experiment) {
  const end = performance.now() + SETTLE_WITHIN_MS;
  const left = (): number => end - performance.now();
  const connected = (): boolean => tabs.every(({ page }) => page.connected());
  await until('every page to be connected again', connected, left()).catch(() => undefined);
  const before = new Set(ledger.sent.keys());
  await feeder.feedOnce();
  let showings = ledger.firstShowings();
  let changed = performance.now();
  const done = (): boolean => {
    if (ledger.firstShowings() !== showings) {
      showings = ledger.firstShowings();
      changed = performance.now();
    }
    return ledger.missing() === 0 || (server === 'stock' && performance.now() - changed > STOCK_QUIET_MS);
  };
  await until('every page to be shown everything', done, Math.max(left(), 5_000)).catch(() => undefined);
  return ({ account, page }: Tab): boolean => page.connected() && [...account.missing].every((id) => before.has(id));
}
