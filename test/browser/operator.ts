import type { Browser, Locator, Page } from 'playwright-core';
import { onTeardown } from '../support/teardown.js';
import { SECRET } from '../support/tokens.js';
import { until } from '../support/until.js';

/** Somebody at the console of a relay. */
export interface Operator {
  readonly page: Page;
  /** What the page threw, wrote to the console as an error, and what its policy refused. */
  readonly errors: readonly string[];
  /** Every address that was asked for, the page's own included. */
  readonly addresses: readonly string[];
  signIn(proof?: string): Promise<void>;
  /** The value of a figure, by its name. */
  figure(name: string): Promise<string>;
  lookUp(user: string): Promise<void>;
  alert(): Locator;
}

export interface OperatorOptions {
  /** Another address of the same console. */
  readonly url?: string;
}

export async function openConsole(
  browser: Browser,
  relay: { internalUrl: string },
  { url = relay.internalUrl }: OperatorOptions = {},
): Promise<Operator> {
  const context = await browser.newContext({ colorScheme: 'light', reducedMotion: 'reduce' });
  onTeardown(() => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  const addresses: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('request', (request) => addresses.push(request.url()));
  await page.goto(`${url}/`);
  return {
    page,
    errors,
    addresses,
    async signIn(proof = SECRET) {
      await page.fill('#proof', proof);
      await page.click('#sign-in button');
    },
    async figure(name) {
      const value = page.locator('#figures > div', { has: page.getByText(name, { exact: true }) }).locator('dd');
      return (await value.textContent()) ?? '';
    },
    async lookUp(user) {
      await page.fill('#user', user);
      await page.click('#user-form button');
      await until('the answer', async () => (await page.textContent('#user-result')) !== '');
    },
    alert: () => page.locator('#alert'),
  };
}

/** How many pixels of a plot are of none of the colours that axes and grid have: those of its lines. */
export function drawnPixels(page: Page, plot: number): Promise<number> {
  return page
    .locator('.plot canvas')
    .nth(plot)
    .evaluate((node) => {
      const canvas = node as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
      let colourful = 0;
      for (let at = 0; at < data.length; at += 4) {
        const [red = 0, green = 0, blue = 0, alpha = 0] = [data[at], data[at + 1], data[at + 2], data[at + 3]];
        if (alpha > 200 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) colourful += 1;
      }
      return colourful;
    });
}
