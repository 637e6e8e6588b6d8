import assert from 'node:assert/strict';
import { check, skip, until } from './check.mjs';
import { openPage, startChromium } from './page.mjs';
import { logIn } from './person.mjs';
import { socketsOf } from './stack.mjs';

// Of the demo's seed, both in conversation 5.
const MIRA = 3;
const JONAS = 17;

/**
 * Mira and Jonas, logged in and on different relays; Jonas polls. Which relay a browser gets is decided by its address
 * and its name, and here all have one address: Jonas tries many browsers and keeps one that is apart from Mira's.
 */
export async function twoPeopleApart() {
  const mira = { id: MIRA, agent: 'compose-test/mira', person: await logIn(MIRA, { agent: 'compose-test/mira' }) };
  const [hers] = await socketsOf(MIRA);
  // The hash may give one relay most of all names: ten browsers at a time, since a person may have thirty.
  for (let first = 0; first < 100; first += 10) {
    const tries = await Promise.all(
      Array.from({ length: 10 }, async (_, number) => {
        const agent = `compose-test/jonas-${first + number}`;
        return { id: JONAS, agent, person: await logIn(JONAS, { agent, transports: ['polling'] }) };
      }),
    );
    const apart = (await socketsOf(JONAS)).find(({ replica }) => replica !== hers.replica);
    const jonas = tries.find(({ agent }) => agent === apart?.user_agent);
    for (const other of tries) if (other !== jonas) other.person.leave();
    if (jonas) return { mira, jonas };
  }
  throw new Error('a hundred browsers, and all on one relay');
}

export async function checkClients({ mira, jonas }) {
  await check('two people on different relays are each shown every message once, WebSocket and polling', async () => {
    const before = { mira: mira.person.shown.length, jonas: jonas.person.shown.length };
    const texts = ['first, from Mira', 'second, from Jonas', 'third, from Mira'];
    for (const [number, text] of texts.entries()) {
      await (number % 2 === 0 ? mira : jonas).person.send(text);
      await until(`${text}, shown to both`, () => shownSince(before).every((list) => list.includes(text)));
    }
    for (const list of shownSince(before)) assert.deepEqual(list, texts);
    assert.equal(mira.person.transport(), 'websocket');
    assert.equal(jonas.person.transport(), 'polling');
  });
  function shownSince(before) {
    return [mira.person.shown.slice(before.mira), jonas.person.shown.slice(before.jonas)];
  }
}

export async function checkPages({ mira, jonas }) {
  const sentence = 'the page shows every message once on both sides, in Chromium with WebSocket and without';
  const browser = await startChromium();
  if (!browser) return skip(sentence, 'there is no chromium on the PATH');
  try {
    await check(sentence, async () => {
      const hers = await openPage(browser, MIRA, { agent: mira.agent });
      const his = await openPage(browser, JONAS, { agent: jonas.agent, polling: true });
      const texts = ['typed by Mira', 'typed by Jonas', 'typed by Mira again, last'];
      for (const [number, text] of texts.entries()) {
        await (number % 2 === 0 ? hers : his).write(text);
        for (const page of [hers, his]) await page.waitFor(text);
      }
      for (const page of [hers, his]) {
        for (const text of texts) assert.equal(await page.count(new RegExp(`^${text}$`)), 1, text);
        assert.deepEqual(page.errors, []);
      }
      assert.ok(hers.webSockets() >= 1, 'Mira has a WebSocket');
      assert.equal(his.webSockets(), 0, 'Jonas has none');
    });
  } finally {
    await browser.close();
  }
}
