import type { Browser } from 'playwright-core';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startChromium } from '../support/chromium.js';
import { internalApi } from '../support/internal.js';
import type { Mariadb } from '../support/mariadb.js';
import {
  emptyConversations,
  JONAS,
  MIRA,
  relayPlace,
  type Site,
  type Stage,
  stage,
  startDatabase,
  startSite,
  TALK,
} from '../support/messaging-site.js';
import { sharedRedis } from '../support/redis.js';
import type { RelayEnv } from '../support/relay.js';
import { tempDir } from '../support/temp.js';
import { until } from '../support/until.js';
import { type Visitor, visit } from './visitor.js';

let browser: Browser;
let database: Mariadb;
beforeAll(async () => {
  [browser, database] = await Promise.all([startChromium(), startDatabase()]);
}, 90_000);
beforeEach(() => emptyConversations(database));

const said = ['Did it survive the storm?', 'Mostly.', 'ok', 'ok', 'Shall I come?', 'Please do'];

/** Both write in turn; each message is waited for on both sides, the last ones in a burst. */
async function chat(mira: Visitor, jonas: Visitor): Promise<void> {
  for (const [index, text] of said.entries()) {
    await (index % 2 === 0 ? mira : jonas).write(text);
    await Promise.all([mira.shows(said.slice(0, index + 1)), jonas.shows(said.slice(0, index + 1))]);
  }
  const burst = ['one', 'two', 'two', 'three', 'four'];
  for (const text of burst) await mira.write(text);
  await Promise.all([mira.shows([...said, ...burst]), jonas.shows([...said, ...burst])]);
  // What is shown twice is shown before this one, which comes by the same way after it.
  await jonas.write('That was all');
  const all = [...said, ...burst, 'That was all'];
  await Promise.all([mira, jonas].flatMap((one) => [one.shows(all), one.cameOnce(all)]));
}

const savedMessages = (): Promise<string[]> =>
  database.sql(`SELECT content FROM Messages WHERE conversation_id = ${TALK} ORDER BY message_id`);

describe('the old page as it is, with its AJAX', () => {
  let site: Site;
  let internalLine: Stage['internalLine'];
  beforeAll(async () => {
    ({ site, internalLine } = await stage(database));
    return site.keepDraining();
  });

  test('two people chat through PHP, MariaDB and notify: each message once on each side, in order', async () => {
    const [mira, jonas] = [await visit(browser, site, MIRA), await visit(browser, site, JONAS)];
    await chat(mira, jonas);
    expect(await savedMessages()).toEqual(await mira.texts());
    expect([mira.errors, jonas.errors]).toEqual([[], []]);
  });

  test('it registers once, begins with polling, is upgraded, and its handlers get one argument', async () => {
    const [mira, jonas] = [await visit(browser, site, MIRA), await visit(browser, site, JONAS)];
    await mira.write('hello');
    await Promise.all([mira.shows(['hello']), jonas.shows(['hello'])]);
    for (const { wire } of [mira, jonas]) expect([wire.polled, wire.upgraded]).toEqual([1, 1]);
    expect(jonas.wire.sent('register_user')).toEqual([[JONAS]]);
    const message = {
      id: expect.any(Number),
      conversation_id: TALK,
      sender_id: MIRA,
      sender_name: 'Mira Holt',
      sender_photo: 'photos/mira.svg',
      content: 'hello',
      sent_at: expect.stringMatching(/T.*Z$/),
    };
    expect(jonas.wire.received('receive_message')).toEqual([[message]]);
    expect(jonas.wire.received('message_sent')).toEqual([]);
    expect(mira.wire.received('message_sent')).toEqual([[{ success: true, message }]]);
    expect(mira.wire.received('receive_message')).toEqual([]);
  });

  test('one’s own message is shown when message_sent brings it, and not before', async () => {
    const mira = await visit(browser, site, MIRA);
    await mira.hasHistory();
    internalLine.stall();
    const answered = mira.page.waitForResponse((response) => response.url().endsWith('send-message.php'));
    await mira.write('hello');
    expect(await (await answered).json()).toMatchObject({ success: true });
    // The answer to a question that the page asks after its emit: nothing of the message came before it.
    await mira.page.fill('#search-term', 'Ines');
    await until('the answer', () => mira.wire.received('search_results').length === 1);
    expect([mira.wire.received('message_sent'), await mira.texts()]).toEqual([[], []]);
    internalLine.resume();
    await mira.shows(['hello']);
    await mira.write('and then');
    await mira.shows(['hello', 'and then']);
    await mira.cameOnce(['hello', 'and then']);
  });

  test('every tab of both shows it', async () => {
    const [mira, jonas] = [await visit(browser, site, MIRA), await visit(browser, site, JONAS)];
    const tabs = [
      await visit(browser, site, MIRA, { context: mira.context }),
      await visit(browser, site, JONAS, { context: jonas.context }),
    ];
    await mira.write('first');
    await Promise.all([mira, jonas, ...tabs].map((one) => one.shows(['first'])));
    await jonas.write('second');
    await Promise.all([mira, jonas, ...tabs].map((one) => one.shows(['first', 'second'])));
  });

  test('one sees that the other is typing, until the message is there', async () => {
    const [mira, jonas] = [await visit(browser, site, MIRA), await visit(browser, site, JONAS)];
    const typing = jonas.page.locator('#typing');
    await mira.page.locator('#text').pressSequentially('Hm');
    await expect.poll(() => typing.textContent()).toBe('Mira Holt is typing…');
    await mira.page.press('#text', 'Enter');
    await jonas.shows(['Hm']);
    await expect.poll(() => typing.textContent()).toBe('');
    expect(mira.wire.received('user_typing').filter(([who]) => isTyping(who))).toEqual([]);
  });

  test('what is unread is counted, and is not when it has been opened', async () => {
    const mira = await visit(browser, site, MIRA);
    const jonas = await visit(browser, site, JONAS, { conversation: null });
    const count = jonas.page.locator('#unread-count');
    const entry = jonas.page.locator(`#conversations a[data-conversation="${TALK}"]`);
    expect(await count.isHidden()).toBe(true);
    await mira.write('one');
    await mira.write('two');
    await expect.poll(() => count.textContent()).toBe('2');
    await expect.poll(() => entry.locator('.count').textContent()).toBe('2 unread');
    expect(await jonas.page.title()).toBe('(2) Messages');
    await entry.click();
    await jonas.shows(['one', 'two']);
    await expect.poll(() => count.isHidden()).toBe(true);
    expect(await entry.locator('.count').count()).toBe(0);
  });

  test('the dot tells who is online, and who left', async () => {
    const mira = await visit(browser, site, MIRA);
    const dot = () => mira.page.locator('#peer-photo .photo').first().getAttribute('data-online');
    await until('no dot', async () => (await dot()) === 'false');
    const jonas = await visit(browser, site, JONAS);
    await expect.poll(dot).toBe('true');
    expect(await mira.page.textContent('#peer-state')).toBe('Online');
    await jonas.context.close();
    await expect.poll(dot, { timeout: 15_000 }).toBe('false');
  });

  test('markup in a message is shown as the text it is', async () => {
    const [mira, jonas] = [await visit(browser, site, MIRA), await visit(browser, site, JONAS)];
    const markup = '<img src=x onerror="window.hacked = true"><script>window.hacked = true</script>';
    await mira.write(markup);
    await Promise.all([mira.shows([markup]), jonas.shows([markup])]);
    await jonas.page.reload();
    await jonas.shows([markup]);
    for (const { page, errors } of [mira, jonas]) {
      expect(await page.locator('#messages img, #conversations img[src="x"]').count()).toBe(0);
      expect(await page.evaluate('window.hacked')).toBeUndefined();
      expect(errors).toEqual([]);
    }
  });
});

describe('the page that has no AJAX, with persist', () => {
  let site: Site;
  beforeAll(async () => {
    ({ site } = await stage(database, { relay: { RELAY_CLIENT_SEND: 'persist' } }));
  });

  test('two people chat over the socket alone: each message once on each side, in order', async () => {
    const mira = await visit(browser, site, MIRA, { variant: 'socket' });
    const jonas = await visit(browser, site, JONAS, { variant: 'socket' });
    const posts: string[] = [];
    for (const { page } of [mira, jonas]) {
      page.on('request', (request) => request.url().includes('/ajax/') && posts.push(request.url()));
    }
    await chat(mira, jonas);
    expect(await savedMessages()).toEqual(await mira.texts());
    expect(posts).toEqual([]);
    expect([mira.errors, jonas.errors]).toEqual([[], []]);
  });

  test('what PHP does not take is told to its writer, who has the text back', async () => {
    const mira = await visit(browser, site, MIRA, { variant: 'socket' });
    const zeroWidth = '\u200b';
    await mira.write(zeroWidth);
    await expect.poll(() => mira.page.textContent('#composer-state')).toBe('The message is empty.');
    expect(await mira.page.inputValue('#text')).toBe(zeroWidth);
    expect(mira.wire.received('message_sent')).toEqual([[{ success: false, error: expect.any(String) }]]);
    expect(await mira.texts()).toEqual([]);
  });
});

describe('the page with AJAX, with instant', () => {
  let parts: Stage;
  beforeAll(async () => {
    parts = await stage(database, { relay: { RELAY_CLIENT_SEND: 'instant' } });
    return parts.site.keepDraining();
  });

  test('what the page emits and PHP notifies of is shown once on each side, in order', async () => {
    const [mira, jonas] = await twoReaders();
    await chat(mira, jonas);
    expect(await savedMessages()).toEqual(await mira.texts());
    await nothingFollows(mira, jonas);
  });

  test('it is shown before PHP’s notify arrives, and not again when it does', async () => {
    const [mira, jonas] = await twoReaders();
    parts.internalLine.stall();
    const texts = ['at once', 'ok', 'ok'];
    for (const text of texts) await mira.write(text);
    await Promise.all([mira.shows(texts), jonas.shows(texts)]);
    await until('PHP to have saved them', async () => (await savedMessages()).length === texts.length);
    parts.internalLine.resume();
    await nothingFollows(mira, jonas);
  });

  /** What was shown at once has not the id it is saved under: a history that came later would have it again. */
  async function twoReaders(): Promise<[Visitor, Visitor]> {
    const readers = await Promise.all([visit(browser, parts.site, MIRA), visit(browser, parts.site, JONAS)]);
    await Promise.all(readers.map((one) => one.hasHistory()));
    return readers;
  }

  /** Once PHP has handed over everything, what it hands over next is the next to be shown. */
  async function nothingFollows(mira: Visitor, jonas: Visitor): Promise<void> {
    const before = await mira.texts();
    await until('an empty outbox', async () => (await database.sql('SELECT 1 FROM relay_outbox')).length === 0);
    const message = { id: `last ${before.length}`, conversation_id: TALK, sender_id: MIRA, content: 'the last' };
    const { status } = await internalApi(parts.relay).notify({ recipients: [JONAS], message: { ...rest, ...message } });
    expect(status).toBe(200);
    const all = [...before, 'the last'];
    await Promise.all([mira, jonas].flatMap((one) => [one.shows(all), one.cameOnce(all)]));
  }

  const rest = { sender_name: 'Mira Holt', sender_photo: '', sent_at: '2025-05-28 10:00:00' };
});

describe('over two replicas and one Redis', () => {
  /** The same site twice, each beside a replica: a person's tab is on the replica of the site it was opened at. */
  async function replicas(relay: RelayEnv = {}): Promise<[Site, Site]> {
    const { url, prefix } = sharedRedis();
    const folder = await tempDir();
    const start = async () => {
      const place = await relayPlace({ RELAY_REDIS_URL: url, RELAY_REDIS_PREFIX: prefix, RELAY_IDENTITY: 'session' });
      const site = await startSite(database, { relayUrl: place.url, internalUrl: place.internalUrl, folder });
      await place.start({ RELAY_BACKEND_URL: site.backendUrl, ...relay });
      return site;
    };
    return await Promise.all([start(), start()]);
  }

  let left: Site;
  let right: Site;
  beforeAll(async () => {
    [left, right] = await replicas();
    return left.keepDraining();
  }, 60_000);

  test('two people on different replicas chat: each message once on each side, in order', async () => {
    const [mira, jonas] = [await visit(browser, left, MIRA), await visit(browser, right, JONAS)];
    await chat(mira, jonas);
    expect(await savedMessages()).toEqual(await mira.texts());
    expect([mira.errors, jonas.errors]).toEqual([[], []]);
  });

  test('so do two on the page that has no AJAX', async () => {
    const sites = await replicas({ RELAY_CLIENT_SEND: 'persist' });
    const mira = await visit(browser, sites[0], MIRA, { variant: 'socket' });
    const jonas = await visit(browser, sites[1], JONAS, { variant: 'socket' });
    await chat(mira, jonas);
    expect(await savedMessages()).toEqual(await mira.texts());
    expect([mira.errors, jonas.errors]).toEqual([[], []]);
  });

  test('the tabs of one person on different replicas both show what comes and what was sent', async () => {
    const mira = await visit(browser, left, MIRA);
    const elsewhere = await visit(browser, right, MIRA, { context: mira.context });
    const jonas = await visit(browser, right, JONAS);
    const all = [mira, elsewhere, jonas];
    await jonas.write('from Jonas');
    await Promise.all(all.map((one) => one.shows(['from Jonas'])));
    await mira.write('from one tab');
    await Promise.all(all.map((one) => one.shows(['from Jonas', 'from one tab'])));
    await elsewhere.write('from the other');
    await Promise.all(all.map((one) => one.shows(['from Jonas', 'from one tab', 'from the other'])));
  });

  test('typing, presence and unread counts cross over', async () => {
    const mira = await visit(browser, left, MIRA);
    const jonas = await visit(browser, right, JONAS, { conversation: null });
    const dot = () => mira.page.locator('#peer-photo .photo').first().getAttribute('data-online');
    await expect.poll(dot).toBe('true');
    await mira.write('are you there?');
    await expect.poll(() => jonas.page.locator('#unread-count').textContent()).toBe('1');
    await jonas.page.click(`#conversations a[data-conversation="${TALK}"]`);
    await jonas.page.locator('#text').pressSequentially('Y');
    await expect.poll(() => mira.page.locator('#typing').textContent()).toBe('Jonas Beck is typing…');
    await jonas.context.close();
    await expect.poll(dot, { timeout: 15_000 }).toBe('false');
  });
});

const isTyping = (who: unknown): boolean => (who as { is_typing: boolean }).is_typing;
