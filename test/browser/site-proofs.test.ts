import type { Browser } from 'playwright-core';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startChromium } from '../support/chromium.js';
import type { Mariadb } from '../support/mariadb.js';
import {
  confirmed,
  emptyConversations,
  JONAS,
  MIRA,
  type Stage,
  type StageOptions,
  stage,
  startDatabase,
} from '../support/messaging-site.js';
import { until } from '../support/until.js';
import { type Visitor, visit } from './visitor.js';

let browser: Browser;
let database: Mariadb;
beforeAll(async () => {
  [browser, database] = await Promise.all([startChromium(), startDatabase()]);
}, 90_000);
beforeEach(() => emptyConversations(database));

// An owner's very first step: the relay where the lost server was, which calls nobody and changes nothing in the page.
const CLAIM = { relay: { RELAY_IDENTITY: 'claim', RELAY_BACKEND_URL: undefined } };
const SESSION = { relay: { RELAY_IDENTITY: 'session' } };
const TOKEN = { relay: { RELAY_IDENTITY: 'token' }, site: { SITE_PROOF: 'token' } };

describe.each<[proof: string, options: StageOptions]>([
  ['claim', CLAIM],
  ['session', SESSION],
  ['token', TOKEN],
])('where the proof is the %s', (proof, options) => {
  let parts: Stage;
  beforeAll(async () => {
    parts = await stage(database, options);
    return parts.site.keepDraining();
  });
  const both = async (): Promise<[Visitor, Visitor]> => [
    await visit(browser, parts.site, MIRA),
    await visit(browser, parts.site, JONAS),
  ];

  test('two people chat; what is sent while the line is cut comes by itself after it, once and in order', async () => {
    const [mira, jonas] = await both();
    await mira.write('hello');
    await Promise.all([mira.shows(['hello']), jonas.shows(['hello'])]);
    expect([mira.errors, jonas.errors]).toEqual([[], []]);
    const said = ['hello'];
    for (let round = 1; round <= 2; round++) {
      said.push(`before ${round}`);
      await jonas.write(`before ${round}`);
      await Promise.all([mira.shows(said), jonas.shows(said)]);
      // An unmodified page may be shown again what it had not confirmed; a page with relay-client.js never.
      if (proof !== 'token') await confirmed(parts.relay, database, MIRA, JONAS);
      parts.publicLine.refuse();
      for (const text of [`first of ${round}`, `second of ${round}`, `second of ${round}`]) {
        said.push(text);
        const saved = mira.page.waitForResponse((response) => response.url().endsWith('send-message.php'));
        await mira.write(text);
        expect((await saved).status()).toBe(200);
      }
      parts.publicLine.resume();
      await Promise.all([mira, jonas].map((one) => one.registered(1 + round)));
      await Promise.all([mira.shows(said), jonas.shows(said)]);
    }
    await jonas.write('That was all');
    said.push('That was all');
    await Promise.all([mira.shows(said), jonas.shows(said)]);
    if (proof === 'token') return;
    await Promise.all([mira.cameOnce(said), jonas.cameOnce(said)]);
    expect(jonas.wire.sent('register_user')).toEqual([[JONAS]]);
  });

  test('what is sent while the browser says that it is offline comes after it, once and in order', async () => {
    const [mira, jonas] = await both();
    const said = ['online'];
    await mira.write('online');
    await Promise.all([mira.shows(said), jonas.shows(said)]);
    if (proof !== 'token') await confirmed(parts.relay, database, MIRA, JONAS);
    await jonas.context.setOffline(true);
    await until('its socket to be closed', () => !jonas.wire.live).catch(async (error: Error) => {
      const online = await jonas.page.evaluate('navigator.onLine');
      throw new Error(
        `${error.message}; the page is ${online ? 'on' : 'off'}line, and its wire:\n${jonas.wire.story()}`,
      );
    });
    for (const text of ['offline 1', 'offline 2']) {
      said.push(text);
      await mira.write(text);
      await mira.shows(said);
    }
    await jonas.context.setOffline(false);
    await jonas.registered(2);
    await mira.write('back');
    said.push('back');
    await jonas.shows(said);
    if (proof !== 'token') await jonas.cameOnce(said);
  });
});

describe('the cookie by which the relay knows a browser again', () => {
  test('is out of reach of scripts, and stays through a reload', async () => {
    const { site } = await stage(database, CLAIM);
    const mira = await visit(browser, site, MIRA);
    const device = async () => (await mira.context.cookies()).find(({ name }) => name === 'relay_device');
    const cookie = await device();
    expect(cookie).toMatchObject({ httpOnly: true, value: expect.stringMatching(/^\S{16,}$/) });
    expect(await mira.page.evaluate('document.cookie')).not.toContain('relay_device');
    await mira.page.reload();
    await mira.registered(2);
    expect((await device())?.value).toBe(cookie?.value);
  });
});

describe('a relay that takes tokens alone', () => {
  test('leaves out the page that has none, and the page says so', async () => {
    const { site } = await stage(database, { relay: TOKEN.relay });
    const context = await browser.newContext();
    await context.request.get(`${site.url}/login.php?user=${MIRA}`);
    const page = await context.newPage();
    await page.goto(`${site.url}/messaging.php`);
    await expect.poll(() => page.textContent('#notice')).toContain('does not know you');
    await context.close();
  });
});
