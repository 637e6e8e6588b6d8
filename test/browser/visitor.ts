import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';
import { TALK } from '../support/messaging-site.js';
import type { Php } from '../support/php.js';
import { onTeardown } from '../support/teardown.js';
import { until } from '../support/until.js';
import { tap, type Wire } from './wire.js';

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
  /** Waits until the page has what was written before it was opened. */
  hasHistory(): Promise<void>;
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
  /** A profile that exists already, maybe of the same person: another tab of theirs. */
  context?: BrowserContext;
  /** `null` opens none. */
  conversation?: number | null;
  variant?: 'ajax' | 'socket';
}

/** Logs in and opens the messaging page; comes back when the relay knows who it is. */
export async function visit(browser: Browser, site: Php, user: number, options: VisitOptions = {}): Promise<Visitor> {
  const context = options.context ?? (await newProfile(browser));
  // A tab beside others must not log in anew: that ends the session which theirs were opened with.
  if (context.pages().length === 0) {
    await context.request.get(`${site.url}/login.php?user=${user}`, { maxRedirects: 0 });
  }
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
    hasHistory: async () =>
      void (await until('the history', () => wire.received('messages_loaded').length > 0, 15_000)),
    sees: async (text) => void (await until(`"${text}"`, async () => (await texts()).includes(text), 15_000)),
    async shows(expected) {
      // What is missing says more than that something is: so the time-out is left to the comparison.
      const enough = async () => (await texts()).length >= expected.length;
      await until('the messages', enough, 15_000).catch(() => undefined);
      expect(await texts(), wire.story()).toEqual(expected);
    },
    async cameOnce(expected) {
      await expect.poll(() => liveContents(wire).sort(), { timeout: 15_000 }).toEqual([...expected].sort());
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
