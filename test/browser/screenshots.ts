import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { startChromium } from '../support/chromium.js';
import { connectAs } from '../support/client.js';
import { deploy } from '../support/deployment.js';
import { internalApi } from '../support/internal.js';
import { JONAS, MIRA, stage, startDatabase, withSeed } from '../support/messaging-site.js';
import { startRelay } from '../support/relay.js';
import { clientToken, SECRET } from '../support/tokens.js';
import { visit } from './visitor.js';

// Makes the README's pictures: SCREENSHOTS=1 npx vitest run --project browser test/browser/screenshots.ts

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
/** How long messages flow before the console's picture is taken, milliseconds: it plots a value every 10 s. */
const FLOWING = 200_000;
const LOOK = { locale: 'en-GB', timezoneId: 'UTC', colorScheme: 'light', reducedMotion: 'reduce' } as const;

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium(['--hide-scrollbars', '--font-render-hinting=none']);
  await mkdir(DOCS, { recursive: true });
});

test('docs/try.png', async () => {
  const relay = await startRelay();
  const page = await browser.newPage({ ...LOOK, viewport: { width: 1280, height: 800 } });
  await page.goto(`${relay.url}/try`);
  await expect.poll(() => page.locator('.pane[data-state=live]').count()).toBe(2);
  const talk = [
    ['ada', 'Did the cake arrive?'],
    ['ben', 'It did, in one piece. Well, in twelve by now.'],
    ['ada', 'Keep one for me, I am five minutes away'],
    ['ben', 'Four and a half left. Hurry!'],
  ] as const;
  for (const [index, [who, text]] of talk.entries()) {
    await page.fill(`#text-${who}`, text);
    await page.press(`#text-${who}`, 'Enter');
    const other = who === 'ada' ? 'ben' : 'ada';
    await expect.poll(() => page.locator(`[data-user=${other}] .bubble`).count()).toBe(index + 1);
    await expect.poll(() => page.locator('.event').first().locator('.reached').count()).toBe(3);
  }
  await page.locator('#text-ada').pressSequentially('Running');
  await expect.poll(() => page.locator('[data-user=ben] .typing').textContent()).toBe('Ada is typing');
  await page.screenshot({ path: `${DOCS}try.png`, clip: await downTo(page, '.things') });
  await page.close();
});

test('docs/site.png', async () => {
  const database = await startDatabase();
  await withSeed(database);
  const { site } = await stage(database);
  const profile = (width: number) => browser.newContext({ ...LOOK, viewport: { width, height: 620 } });
  const mira = await visit(browser, site, MIRA, { context: await profile(800) });
  const jonas = await visit(browser, site, JONAS, { context: await profile(400) });
  await expect.poll(() => mira.page.textContent('#peer-state')).toBe('Online');
  const before = await mira.texts();
  const talk = [
    [mira, 'Found the string. The poles stand again.'],
    [jonas, 'You are a hero. And the courgettes?'],
    [mira, 'Eleven. I counted twice.'],
  ] as const;
  for (const [index, [who, text]] of talk.entries()) {
    await who.write(text);
    const all = [...before, ...talk.slice(0, index + 1).map(([, said]) => said)];
    await Promise.all([mira.shows(all), jonas.shows(all)]);
  }
  await jonas.page.locator('#text').pressSequentially('Soup for ');
  await expect.poll(() => mira.page.textContent('#typing')).toBe('Jonas Beck is typing…');
  await sideBySide([mira.page, jonas.page], `${DOCS}site.png`);
});

test('docs/console.png', async () => {
  const { near, far } = await deploy('two replicas over Redis');
  const people = ['3', '17', '42', '58', '61', '77'];
  const agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';
  const extraHeaders = { 'user-agent': agent };
  for (const [index, user] of people.entries()) {
    const transports = [index % 3 === 0 ? 'polling' : 'websocket'];
    await connectAs(index % 2 === 0 ? near : far, clientToken(user), { transports, extraHeaders });
  }
  const api = internalApi(near);
  const ended = Date.now() + FLOWING;
  for (let id = 1; Date.now() < ended; id++) {
    // a swell, so that the plots have something to show
    const pause = 120 + 100 * Math.sin(id / 60);
    const recipients = people.filter((user, index) => user !== '17' && (id + index) % 3 !== 0);
    await api.notify({ recipients, message: { id } });
    if (id % 25 === 0) await api.notify({ recipients, message: { id } });
    await delay(pause);
  }
  await api.notify({ recipients: ['17'], message: { id: 'm-981' } });
  await api.get('/stats', { expiresIn: -60 });
  for (const [colorScheme, name] of [
    ['light', 'console'],
    ['dark', 'console-dark'],
  ] as const) {
    const page = await browser.newPage({ ...LOOK, colorScheme, viewport: { width: 1280, height: 800 } });
    await page.goto(near.internalUrl);
    await page.fill('#proof', SECRET);
    await page.click('#sign-in button');
    await page.fill('#user', '17');
    await page.click('#user-form button');
    await page.click('#user-result li button');
    await page.waitForSelector('.timeline .confirmed');
    await page.waitForSelector('.plot canvas');
    await page.locator('h1').click();
    await page.screenshot({ path: `${DOCS}${name}.png`, fullPage: true });
    await page.close();
  }
}, 300_000);

/** From the top of the page to the end of an element. */
async function downTo(page: Page, selector: string) {
  const box = await page.locator(selector).boundingBox();
  if (box === null) throw new Error(`${selector} is not on the page`);
  const height = Math.ceil(box.y + box.height + 24);
  await page.setViewportSize({ width: 1280, height });
  return { x: 0, y: 0, width: 1280, height };
}

async function sideBySide(pages: readonly Page[], path: string): Promise<void> {
  const shots: string[] = [];
  for (const page of pages) shots.push((await page.screenshot()).toString('base64'));
  const images = shots.map((data) => `<img src="data:image/png;base64,${data}">`);
  const frame = await browser.newPage({ viewport: { width: 1280, height: 676 } });
  await frame.setContent(`<style>
    body { margin: 0; padding: 28px 24px; display: flex; justify-content: space-between; background: #dfe3e6 }
    img { border-radius: 10px; box-shadow: 0 2px 6px rgb(0 0 0 / 18%), 0 12px 32px rgb(0 0 0 / 14%) }
  </style>${images.join('')}`);
  await frame.screenshot({ path });
  await frame.close();
}
