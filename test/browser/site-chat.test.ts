import type { Browser } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { startChromium } from '../support/chromium.js';
import type { Mariadb } from '../support/mariadb.js';
import { sharedRedis } from '../support/redis.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { tempDir } from '../support/temp.js';
import { until } from '../support/until.js';
import {
  emptyConversations,
  JONAS,
  MIRA,
  relayPlace,
  stage,
  startDatabase,
  startSite,
  TALK,
  type Visitor,
  visit,
} from './messaging-site.js';

let browser: Browser;
let database: Mariadb;
beforeAll(async () => {
  [browser, database] = await Promise.all([startChromium(), startDatabase()]);
}, 90_000);

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
  await Promise.all([mira.shows(all), jonas.shows(all)]);
}

async function savedOnce(texts: readonly string[]): Promise<void> {
  const rows = await database.sql(`SELECT content FROM Messages WHERE conversation_id = ${TALK} ORDER BY message_id`);
  expect(rows).toEqual(texts);
}

describe('the old page as it is, with its AJAX', () => {
  test('two people chat through PHP, MariaDB and notify: each message once on each side, in order', async () => {
    const { site } = await stage(database);
    const [mira, jonas] = [await visit(browser, site, MIRA), await visit(browser, site, JONAS)];
    await chat(mira, jonas);
    await savedOnce(await mira.texts());
    expect([mira.errors, jonas.errors]).toEqual([[], []]);
  });

  test('it registers once, begins with polling, is upgraded, and its handlers get one argument', async () => {
    const { site } = await stage(database);
    const [mira, jonas] = [await visit(browser, site, MIRA), await visit(browser, site, JONAS)];
    await mira.write('hello');
    await Promise.all([mira.shows(['hello']), jonas.shows(['hello'])]);
    for (const { wire } of [mira, jonas]) expect([wire.polled, wire.upgraded]).toEqual([1, 1]);
    expect(jonas.wire.sent('register_user')).toEqual([[JONAS]]);
    const message = {
      id: 1,
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
    let proxy: TcpProxy | undefined;
    const { site } = await stage(database, {
      internalUrl: async ({ internalUrl }) => {
        proxy = await startTcpProxy({ port: Number(new URL(internalUrl).port) });
        return `http://127.0.0.1:${proxy.port}`;
      },
    });
    const mira = await visit(browser, site, MIRA);
    proxy?.stall();
    const answered = mira.page.waitForResponse((response) => response.url().endsWith('send-message.php'));
    await mira.write('hello');
    expect(await (await answered).json()).toEqual({ success: true, message_id: 1 });
    // An answer that the relay gave after it had taken the emit: nothing of the message came before it.
    await mira.page.click('#conversations a[data-conversation="6"]');
    await mira.page.click(`#conversations a[data-conversation="${TALK}"]`);
    await until('the history', () => mira.wire.received('messages_loaded').length >= 2);
    expect(mira.wire.received('message_sent')).toEqual([]);
    proxy?.resume();
    expect(await site.drain()).toBe(0);
    await until('message_sent', () => mira.wire.received('message_sent').length === 1);
  });

  test('every tab of both shows it', async () => {
    const { site } = await stage(database);
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
    const { site } = await stage(database);
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
    const { site } = await stage(database);
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
    const { site } = await stage(database);
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
    const { site } = await stage(database);
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
  test('two people chat over the socket alone: each message once on each side, in order', async () => {
    const { site } = await stage(database, { relay: { RELAY_CLIENT_SEND: 'persist' } });
    const mira = await visit(browser, site, MIRA, { variant: 'socket' });
    const jonas = await visit(browser, site, JONAS, { variant: 'socket' });
    const posts: string[] = [];
    for (const { page } of [mira, jonas]) {
      page.on('request', (request) => request.url().includes('/ajax/') && posts.push(request.url()));
    }
    await chat(mira, jonas);
    await savedOnce(await mira.texts());
    expect(posts).toEqual([]);
    expect([mira.errors, jonas.errors]).toEqual([[], []]);
  });

  test('what PHP could not save is told to its writer, who has the text back', async () => {
    const { site } = await stage(database, { relay: { RELAY_CLIENT_SEND: 'persist' } });
    const mira = await visit(browser, site, MIRA, { variant: 'socket' });
    await site.stop();
    await mira.write('into the void');
    await expect.poll(() => mira.page.inputValue('#text')).toBe('into the void');
    expect(mira.wire.received('message_sent')).toEqual([[{ success: false, error: expect.any(String) }]]);
    expect(await mira.texts()).toEqual([]);
  });
});

describe('over two replicas and one Redis', () => {
  /** The same site twice, each beside a replica: a person's tab is on the replica of the site it was opened at. */
  async function replicas(relay: Record<string, string> = {}) {
    await emptyConversations(database);
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

  test.each([
    ['AJAX and notify', 'ajax', 'hold'],
    ['persist', 'socket', 'persist'],
  ] as const)('two people on different replicas chat by %s', async (_, variant, mode) => {
    const [left, right] = await replicas({ RELAY_CLIENT_SEND: mode });
    const [mira, jonas] = [
      await visit(browser, left, MIRA, { variant }),
      await visit(browser, right, JONAS, { variant }),
    ];
    await chat(mira, jonas);
    await savedOnce(await mira.texts());
    expect([mira.errors, jonas.errors]).toEqual([[], []]);
  });

  test('the tabs of one person on different replicas both show what comes and what was sent', async () => {
    const [left, right] = await replicas();
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
    const [left, right] = await replicas();
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
