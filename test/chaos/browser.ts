import { io } from 'socket.io-client-4.4.0';
import { onTeardown } from '../support/teardown.js';
import { sessionCookie } from './backend.js';
import { type CookieJar, createCookieJar } from './cookie-jar.js';
import { createJournal, type Journal } from './journal.js';
import type { Account, Ledger } from './ledger.js';
import { createLine, type Line } from './line.js';
import type { Experiment } from './options.js';
import { openPage, type Page } from './page.js';
import type { Place } from './population.js';
import { loadRelayClient } from './relay-client.js';
import { randomFrom } from './seed.js';

export interface Tab {
  /** The only one of its browser. */
  readonly alone: boolean;
  readonly account: Account;
  readonly journal: Journal;
  readonly line: Line;
  readonly page: Page;
}

/** The tabs of one browser: one cookie jar, one network. */
export interface Browser {
  readonly name: string;
  readonly tabs: readonly Tab[];
  readonly jar: CookieJar;
}

/** Opens all tabs of all browsers; that they are connected is not waited for. */
export async function openBrowsers(
  places: readonly Place[],
  ledger: Ledger,
  replicas: readonly number[],
  experiment: Experiment,
): Promise<Browser[]> {
  const connect = experiment.page === 'relay-client' ? loadRelayClient() : io;
  const jars = new Map<string, CookieJar>();
  const tabs = new Map<string, Tab[]>();
  for (const { tab, user, browser } of places) {
    const jar = jars.get(browser) ?? jarOf(user, browser);
    jars.set(browser, jar);
    const line = await createLine({
      jar,
      userAgent: userAgentOf(browser),
      address: addressOf([...jars.keys()].indexOf(browser)),
      replicas,
      random: randomFrom(experiment.seed, `line ${tab}`),
    });
    const account = ledger.open(tab, user);
    const journal = createJournal();
    const url = `http://127.0.0.1:${line.port}`;
    const page = openPage({ connect, url, account, journal, experiment, replica: line.replica });
    onTeardown(page.close);
    const alone = places.filter((place) => place.browser === browser).length === 1;
    tabs.set(browser, [...(tabs.get(browser) ?? []), { alone, account, journal, line, page }]);
  }
  return [...jars].map(([name, jar]) => ({ name, jar, tabs: tabs.get(name) ?? [] }));
}

function jarOf(user: string, browser: string): CookieJar {
  const jar = createCookieJar();
  const { name, value } = sessionCookie(user, browser);
  jar.set(name, value);
  return jar;
}

/** Each of its own, which is what nginx spreads them by. */
const addressOf = (number: number): string => `127.1.${number >> 8}.${number & 255}`;

/** Two browsers of one user are seldom of one kind: a computer's and a phone's. */
function userAgentOf(browser: string): string {
  return browser.startsWith('second') ? 'Mozilla/5.0 (Android 16; Mobile)' : 'Mozilla/5.0 (X11; Linux x86_64)';
}
