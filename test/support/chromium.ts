import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { onTeardown } from './teardown.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const ARGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'],
];

/** The Chromium of the machine, headless. Start one a file and give each person of a test a context of their own. */
export async function startChromium(args: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: find(), args: [...ARGS, ...args], timeout: 30_000 });
  onTeardown(() => browser.close());
  return browser;
}

export interface Person {
  context: BrowserContext;
  page: Page;
  /** What the page threw and what it wrote to the console as an error: a test ends by expecting none. */
  errors: string[];
}

/** A browser profile of its own with one page: a person at their machine. */
export async function person(browser: Browser): Promise<Person> {
  const context = await browser.newContext();
  onTeardown(() => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  return { context, page, errors };
}

function find(): string {
  for (const name of NAMES) {
    for (const dir of (process.env.PATH ?? '').split(delimiter)) {
      const path = join(dir, name);
      if (executable(path)) return path;
    }
  }
  throw new Error(`none of ${NAMES.join(', ')} is on the PATH: apt-get install chromium`);
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
