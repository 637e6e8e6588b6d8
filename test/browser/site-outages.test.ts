import type { Browser } from 'playwright-core';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { startChromium } from '../support/chromium.js';
import type { Mariadb } from '../support/mariadb.js';
import { confirmedInRedis, emptyConversations, JONAS, MIRA, stage, startDatabase } from '../support/messaging-site.js';
import { sharedRedis } from '../support/redis.js';
import { type Visitor, visit } from './visitor.js';

let browser: Browser;
let database: Mariadb;
beforeAll(async () => {
  [browser, database] = await Promise.all([startChromium(), startDatabase()]);
}, 90_000);
beforeEach(() => emptyConversations(database));

const waiting = async (): Promise<number> => (await database.sql('SELECT 1 FROM relay_outbox')).length;

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'a %s of the relay loses nothing: what waits in the outbox is shown once, in order, by bin/outbox',
  async (signal) => {
    const redis = sharedRedis();
    const env = { RELAY_REDIS_URL: redis.url, RELAY_REDIS_PREFIX: redis.prefix };
    const { site, relay, restart, publicLine } = await stage(database, { relay: env });
    const [mira, jonas] = [await visit(browser, site, MIRA), await visit(browser, site, JONAS)];
    await mira.write('before');
    await Promise.all([mira.shows(['before']), jonas.shows(['before'])]);
    expect(await site.drain()).toMatch(/^exit 0/);
    await confirmedInRedis(redis, 1, MIRA, JONAS);

    relay.signal(signal);
    await relay.exited;
    const missed = ['one', 'two', 'two', 'three', 'four', 'five'];
    for (const text of missed) await answersFast(mira, text);
    expect(await waiting()).toBe(missed.length);
    expect(await site.drain()).toMatch(/^exit 1/);

    // Handed over before the pages are back: they get it from their inbox.
    publicLine.refuse();
    await restart();
    expect(await site.drain()).toMatch(/^exit 0/);
    expect(await waiting()).toBe(0);
    publicLine.resume();
    const all = ['before', ...missed];
    await Promise.all([mira.shows(all), jonas.shows(all)]);
    // Within 5 s of the failures the breaker is open still: then the row is left to bin/outbox.
    await answersFast(jonas, 'after');
    expect(await site.drain()).toMatch(/^exit 0/);
    all.push('after');
    await Promise.all([mira, jonas].flatMap((one) => [one.shows(all), one.cameOnce(all)]));
  },
);

test('without Redis, too, the next message takes along the one that waits', async () => {
  const { site, relay, restart } = await stage(database);
  const [mira, jonas] = [await visit(browser, site, MIRA), await visit(browser, site, JONAS)];
  await mira.write('before');
  await Promise.all([mira.shows(['before']), jonas.shows(['before'])]);
  expect(await site.drain()).toMatch(/^exit 0/);
  await relay.kill9();
  await answersFast(mira, 'meanwhile');
  expect(await waiting()).toBe(1);
  await restart();
  await Promise.all([mira.registered(2), jonas.registered(2)]);
  await answersFast(jonas, 'after');
  await Promise.all([mira, jonas].map((one) => one.sees('meanwhile')));
  // A machine that is busy enough for a call to take too long leaves the rest to bin/outbox.
  expect(await site.drain()).toMatch(/^exit 0/);
  const all = ['before', 'meanwhile', 'after'];
  await Promise.all([mira, jonas].flatMap((one) => [one.shows(all), one.cameOnce(all)]));
});

/** A second is what a busy machine may take; what the relay costs PHP is measured in test/integration/php-outbox.test.ts. */
async function answersFast(visitor: Visitor, text: string): Promise<void> {
  const response = visitor.page.waitForResponse((one) => one.url().endsWith('send-message.php'));
  await visitor.write(text);
  const answer = await response;
  expect(await answer.json()).toMatchObject({ success: true });
  expect(answer.request().timing().responseStart).toBeLessThan(1_000);
}
