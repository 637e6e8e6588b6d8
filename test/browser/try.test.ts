import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { person, startChromium } from '../support/chromium.js';
import { startRelay } from '../support/relay.js';
import { until } from '../support/until.js';

const run = promisify(execFile);

let browser: Browser;
beforeAll(async () => {
  browser = await startChromium();
});

test('what one person writes is seen by the other, with the path it took', async () => {
  const { page, errors } = await visit();
  await write(page, 'ada', 'Hi Ben');
  await sees(page, 'ben', ['Hi Ben']);
  await sees(page, 'ada', ['Hi Ben']);
  const steps = () => page.locator('.event .reached .step-name').allTextContents();
  await until('its confirmation', async () => (await steps()).includes('confirmed'));
  expect(await steps()).toEqual(['accepted', 'delivered', 'confirmed']);
  expect(errors).toEqual([]);
});

test('the other sees that one is typing, and that one is online', async () => {
  const { page } = await visit();
  await page.locator('#text-ada').pressSequentially('Hi');
  await until('typing', async () => (await page.locator('[data-user=ben] .typing').textContent()) === 'Ada is typing');
  await until('presence', async () => (await page.locator('[data-user=ben] .state').textContent())?.includes('online'));
});

test('what is sent to one who is offline waits, and is shown once when they are back', async () => {
  const { page } = await visit();
  await write(page, 'ada', 'one');
  await sees(page, 'ben', ['one']);
  await page.click('[data-user=ben] .switch');
  await write(page, 'ada', 'two');
  await write(page, 'ada', 'three');
  await sees(page, 'ada', ['one', 'two', 'three']);
  await page.click('[data-user=ben] .switch');
  await sees(page, 'ben', ['one', 'two', 'three']);
  await until('the tick', () => page.locator('#did-away.done').count());
});

test('the curl line of the page is a notification that both see, once', async () => {
  const { page } = await visit();
  const line = await page.locator('#curl').textContent();
  for (let times = 0; times < 2; times++) {
    const { stdout } = await run('sh', ['-c', line ?? 'false']);
    expect(JSON.parse(stdout)).toMatchObject({ duplicate: times > 0 });
  }
  for (const user of ['ada', 'ben']) await until(user, async () => (await texts(page, user)).length > 0);
  await write(page, 'ada', 'after it');
  await until('what follows', async () => (await texts(page, 'ben')).length >= 2);
  expect((await texts(page, 'ben')).length).toBe(2);
  expect(await page.locator('#did-curl.done').count()).toBe(1);
});

test('a reload shows the messages of this run again', async () => {
  const { page } = await visit();
  await write(page, 'ada', 'one');
  await sees(page, 'ben', ['one']);
  await page.reload();
  await sees(page, 'ben', ['one']);
  await sees(page, 'ada', ['one']);
});

test('in production there is no such page', async () => {
  const relay = await startRelay({ NODE_ENV: 'production', RELAY_ALLOWED_ORIGINS: 'https://site.example' });
  for (const path of ['/try', '/try/session', '/try/try.js', '/try/trace/1']) {
    expect((await fetch(relay.url + path)).status, path).toBe(404);
  }
});

async function visit() {
  const relay = await startRelay();
  const visitor = await person(browser);
  await visitor.page.goto(`${relay.url}/try`);
  await until('both live', async () => (await visitor.page.locator('.pane[data-state=live]').count()) === 2);
  return { ...visitor, relay };
}

async function write(page: Page, user: string, text: string): Promise<void> {
  await page.fill(`#text-${user}`, text);
  await page.press(`#text-${user}`, 'Enter');
}

const texts = (page: Page, user: string) => page.locator(`[data-user=${user}] .bubble .text`).allTextContents();

async function sees(page: Page, user: string, expected: string[]): Promise<void> {
  await until(`${expected.length} messages`, async () => (await texts(page, user)).length >= expected.length);
  expect(await texts(page, user)).toEqual(expected);
}
