import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { startChromium } from '../support/chromium.js';
import { connectAs } from '../support/client.js';
import { deploy } from '../support/deployment.js';
import { internalApi } from '../support/internal.js';
import { type Relay, startRelay } from '../support/relay.js';
import { clientToken, internalToken, SECRET } from '../support/tokens.js';
import { until } from '../support/until.js';
import { drawnPixels, openConsole } from './operator.js';

let browser: Browser;
let relay: Relay;
beforeAll(async () => {
  browser = await startChromium();
  relay = await startRelay();
});

const HOSTILE = '<img src=x onerror="document.title=\'taken\'"><script>document.title="taken"</script>';
const visible = (id: string) => `#${id}:not([hidden])`;
/** Chromium itself writes an error for every answer that is none of 200. */
const own = (errors: readonly string[]) => errors.filter((text) => !/status of 401|status of 404/.test(text));

test('without a proof there is a form and no data', async () => {
  const { page, errors, addresses } = await openConsole(browser, relay);
  expect(await page.isVisible('#sign-in')).toBe(true);
  expect(await page.isVisible('#console')).toBe(false);
  expect(await page.textContent('#console dl')).toBe('');
  expect(addresses.filter((url) => /stats|users|messages/.test(url))).toEqual([]);
  expect(errors).toEqual([]);
});

test('a wrong secret is told as such, and the right one then lets in', async () => {
  const operator = await openConsole(browser, relay);
  await operator.signIn('not the secret of this relay, though long enough');
  await until('why', async () => (await operator.alert().textContent())?.includes('does not believe'));
  expect(await operator.page.isVisible('#sign-in')).toBe(true);
  await operator.signIn();
  await operator.page.waitForSelector(visible('console'));
  expect(await operator.alert().isVisible()).toBe(false);
  expect(own(operator.errors)).toEqual([]);
});

test('an expired token is told with the clock of the relay', async () => {
  const operator = await openConsole(browser, relay);
  await operator.signIn(internalToken(undefined, { expiresIn: -120 }));
  await until('why', async () => (await operator.alert().textContent())?.includes('has expired'));
  expect(await operator.alert().textContent()).toMatch(/exp was 12\d s ago by the relay's clock.*\d{4}-\d\d-\d\dT/);
  expect(await operator.page.isVisible('#console')).toBe(false);
});

test('a token is kept over a reload, until it expires or the operator signs out', async () => {
  const operator = await openConsole(browser, relay);
  const { page } = operator;
  await operator.signIn(internalToken(undefined, { expiresIn: 300 }));
  await page.waitForSelector(visible('console'));
  await page.reload();
  await page.waitForSelector(visible('console'));
  await page.click('#sign-out');
  expect(await page.isVisible('#console')).toBe(false);
  expect(await page.textContent('#figures')).toBe('');
  await page.reload();
  expect(await page.isVisible('#sign-in')).toBe(true);
  expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0);
});

test('a token that expires meanwhile ends the view, told why', async () => {
  const operator = await openConsole(browser, relay);
  // 30 s of leeway: it is good for another second
  await operator.signIn(internalToken(undefined, { expiresIn: -28 }));
  await operator.page.waitForSelector(visible('console'));
  await until('why', async () => (await operator.alert().textContent())?.includes('has expired'));
  expect(await operator.page.isVisible('#console')).toBe(false);
});

test('with a token one can look and not act', async () => {
  const operator = await openConsole(browser, relay);
  await operator.signIn(internalToken(undefined));
  await operator.page.waitForSelector(visible('console'));
  await operator.lookUp('17');
  await until('why', async () => (await operator.page.textContent('#action-result'))?.includes('can only look'));
  expect(await operator.page.isVisible('#user-actions')).toBe(false);
});

test('the secret is in no address, in no request, and in nothing that the browser keeps', async () => {
  const operator = await openConsole(browser, relay);
  const { page } = operator;
  const sent: string[] = [];
  page.on('request', (request) => sent.push(JSON.stringify(request.headers()) + (request.postData() ?? '')));
  await operator.signIn();
  await page.waitForSelector(visible('console'));
  await operator.lookUp('17');
  await page.click('#user-actions button[type=submit]');
  await until('the answer', async () => (await page.textContent('#action-result')) !== '');
  const bearers = sent.flatMap((text) => /Bearer (\S+?)"/.exec(text)?.[1] ?? []);
  expect(bearers.length).toBeGreaterThan(3);
  for (const secret of [SECRET, ...bearers]) expect(operator.addresses.join('\n')).not.toContain(secret);
  expect(sent.join('\n')).not.toContain(SECRET);
  expect(await page.evaluate('JSON.stringify([sessionStorage, localStorage, document.cookie])')).not.toContain(SECRET);
  expect(await page.inputValue('#proof')).toBe('');
  await page.reload();
  expect(await page.isVisible('#sign-in')).toBe(true);
});

test('a machine whose clock is off signs by the clock of the relay', async () => {
  const { page, ...operator } = await openConsole(browser, relay);
  await page.clock.install({ time: Date.now() - 600_000 });
  await page.reload();
  await operator.signIn();
  await page.waitForSelector(visible('console'));
});

test('where browsers do not sign, it says so and takes a token', async () => {
  // to a browser this name is no localhost
  const elsewhere = await startChromium(['--host-resolver-rules=MAP relay.internal 127.0.0.1']);
  const url = `http://relay.internal:${new URL(relay.internalUrl).port}`;
  const operator = await openConsole(elsewhere, relay, { url });
  expect(await operator.page.isVisible('#insecure')).toBe(true);
  await operator.signIn(SECRET);
  await until('why', async () => (await operator.alert().textContent())?.includes('no token'));
  await operator.signIn(internalToken(undefined));
  await operator.page.waitForSelector(visible('console'));
  expect(await operator.page.locator('.plot canvas').count()).toBe(3);
});

test('the figures move and the plots are drawn when messages flow', async () => {
  const { internalUrl, url } = await startRelay();
  const operator = await openConsole(browser, { internalUrl });
  await operator.signIn();
  await operator.page.waitForSelector(visible('console'));
  expect(await operator.figure('Connections')).toBe('0');
  expect(await drawnPixels(operator.page, 0)).toBe(0);
  const page = await connectAs({ url }, clientToken(17), { transports: ['websocket'] });
  for (let id = 1; id <= 20; id++) await internalApi({ internalUrl }).notify({ recipients: [17], message: { id } });
  await until('the connection', async () => (await operator.figure('Connections')) === '1');
  await until('a rate', async () => Number(await operator.figure('Notifies a second')) > 0);
  await until('latencies', async () => / ms · .* ms/.test(await operator.figure('Confirmation, p50 · p99')));
  expect(await operator.figure('Users')).toBe('1');
  for (const plot of [0, 1, 2]) {
    await until(`plot ${plot}`, async () => (await drawnPixels(operator.page, plot)) > 10, 20_000);
  }
  page.close();
  await until('the end', async () => (await operator.figure('Connections')) === '0');
  await until('its reason', async () => (await operator.page.textContent('#causes'))?.includes('client namespace'));
  expect(operator.errors).toEqual([]);
}, 60_000);

test('a relay that stops is told, and the figures go on when it is back', async () => {
  const first = await startRelay();
  const port = new URL(first.internalUrl).port;
  const operator = await openConsole(browser, first);
  await operator.signIn();
  await operator.page.waitForSelector(visible('console'));
  await first.stop();
  await until('why', async () => (await operator.alert().textContent())?.includes('does not answer'));
  await startRelay({ RELAY_INTERNAL_PORT: port });
  await until('its return', async () => !(await operator.alert().isVisible()));
  expect(await operator.page.isVisible('#console')).toBe(true);
});

test('a user is looked up, sent a test message, its way traced, and sent away', async () => {
  const { near, far } = await deploy('two replicas over Redis');
  const page = await connectAs(far, clientToken(17), { transports: ['websocket'] });
  const operator = await openConsole(browser, near);
  await operator.signIn();
  await operator.page.waitForSelector(visible('console'));
  await operator.lookUp('17');
  expect(await operator.page.textContent('#user-result')).toMatch(/online, 1 socketInbox.*127\.0\.0\.1/);

  await operator.page.fill('#test-text', 'Are you there?');
  await operator.page.check('#test-kept');
  await operator.page.click('#user-actions button[type=submit]');
  const [message] = await page.next('receive_message');
  expect(message).toMatchObject({ content: 'Are you there?', sender_name: 'Relay console (test)', test: true });
  await operator.page.click('#action-result button');
  const trace = () => operator.page.textContent('#trace-result');
  const traced = () => until('the trace', async () => (await trace()) !== '');
  await traced();
  await until('its confirmation', async () => {
    await operator.page.click('#trace-form button');
    await traced();
    return (await trace())?.includes('All have confirmed it');
  });
  expect(await operator.page.locator('.timeline li').allTextContents()).toEqual([
    expect.stringMatching(/accepted 17 into the inbox/),
    expect.stringMatching(/delivered 17 to socket/),
    expect.stringMatching(/confirmed 17/),
  ]);

  await operator.page.uncheck('#test-kept');
  await operator.page.click('#user-actions button[type=submit]');
  await page.next('receive_message');
  await operator.lookUp('17');
  expect(await operator.page.textContent('#user-result')).toContain('Inbox1 messageNewest');

  await operator.page.click('#disconnect');
  await operator.page.click('#confirm button[value=no]');
  expect(page.socket.connected).toBe(true);
  await operator.page.click('#disconnect');
  await operator.page.fill('#reason', 'too_loud');
  const ended = page.disconnected();
  await operator.page.click('#confirm button[value=yes]');
  expect(await page.next('disconnected')).toEqual([{ reason: 'too_loud' }]);
  expect(await ended).toBe('io server disconnect');
  await until('the answer', async () =>
    /Closed 1 socket of 17/.test((await operator.page.textContent('#action-result')) ?? ''),
  );
  expect(operator.errors).toEqual([]);
}, 60_000);

test('both replicas are listed with their load, and the store with its persistence', async () => {
  const { near, far } = await deploy('two replicas over Redis');
  await connectAs(far, clientToken(17), { transports: ['websocket'] });
  const operator = await openConsole(browser, near);
  await operator.signIn();
  await until('both and their sum', async () => (await operator.page.locator('#replicas tbody tr').count()) === 3);
  const sum = () => operator.page.locator('#replicas tbody tr').last().locator('td').nth(1).textContent();
  await until('the load of the other', async () => (await sum()) === '1', 20_000);
  expect(await operator.page.textContent('#store')).toMatch(/KindRedis.*Stateup.*Last probe.*Append-only fileoff/);
}, 60_000);

test('what a hostile user says of itself is shown as text', async () => {
  const user = '<b>17</b>';
  const page = await connectAs(relay, clientToken(user), {
    transports: ['websocket'],
    extraHeaders: { 'user-agent': HOSTILE },
  });
  const operator = await openConsole(browser, relay);
  await operator.signIn();
  await operator.page.waitForSelector(visible('console'));
  await internalApi(relay).notify({ id: '<i>1</i>', recipients: [user], message: { content: HOSTILE } });
  await page.next('receive_message');
  await operator.lookUp(user);
  const result = operator.page.locator('#user-result');
  expect(await result.textContent()).toContain(HOSTILE);
  expect(await result.textContent()).toContain(user);
  await operator.page.click('#user-result li button');
  await until('the trace', async () => (await operator.page.textContent('#trace-result'))?.includes('<i>1</i>'));
  await operator.page.click('#disconnect');
  expect(await operator.page.textContent('#confirm-title')).toContain(user);
  expect(await operator.page.locator('img, b:text-is("17"), i').count()).toBe(0);
  expect(await operator.page.title()).toBe('Relay console');
  expect(operator.errors).toEqual([]);
});

test('everything can be done with the keyboard alone, and one sees where one is', async () => {
  const page = await connectAs(relay, clientToken('keys'), { transports: ['websocket'] });
  const operator = await openConsole(browser, relay);
  const { keyboard } = operator.page;
  const focused = () => operator.page.evaluate('document.activeElement.id || document.activeElement.className');
  const tabTo = async (id: string) => {
    for (let times = 0; times < 40 && (await focused()) !== id; times++) await keyboard.press('Tab');
    expect(await focused()).toBe(id);
    const outline = 'parseFloat(getComputedStyle(document.activeElement).outlineWidth)';
    expect(await operator.page.evaluate(outline)).toBeGreaterThan(1);
  };
  expect(await focused()).toBe('proof');
  await keyboard.type(SECRET);
  await keyboard.press('Enter');
  await operator.page.waitForSelector('.plot canvas');
  await tabTo('plot');
  await keyboard.press('End');
  expect(await operator.page.locator('.plot').first().getAttribute('aria-label')).toMatch(
    /^Delivery, \d\d:\d\d:\d\d: p50/,
  );
  await tabTo('user');
  await keyboard.type('keys');
  await keyboard.press('Enter');
  await until('the answer', async () => (await operator.page.textContent('#user-result'))?.includes('online'));
  await tabTo('test-text');
  await keyboard.press('Enter');
  expect(await page.next('receive_message')).toMatchObject([{ test: true }]);
  await tabTo('disconnect');
  await keyboard.press('Enter');
  await until('the question', () => operator.page.isVisible('#confirm'));
  await keyboard.press('Escape');
  await until('the way back', async () => (await focused()) === 'disconnect');
  await keyboard.press('Enter');
  await keyboard.press('Tab');
  const ended = page.disconnected();
  await keyboard.press('Enter');
  expect(await ended).toBe('io server disconnect');
  await tabTo('message');
  await keyboard.type('nobody');
  await keyboard.press('Enter');
  await until('the answer', async () => (await operator.page.textContent('#trace-result'))?.includes('no message'));
}, 60_000);

test('it is dark where the operator’s machine is, and changes with it, the plots too', async () => {
  const operator = await openConsole(browser, relay);
  await operator.signIn();
  await operator.page.waitForSelector('.plot canvas');
  const looks = async () => [
    await operator.page.evaluate('getComputedStyle(document.body).backgroundColor'),
    (await operator.page.locator('.plot').first().screenshot()).toString('base64'),
  ];
  const [paper, plot] = await looks();
  const before = await operator.page.waitForSelector('.plot');
  await operator.page.emulateMedia({ colorScheme: 'dark' });
  await until('the plots to be made again', () => before.evaluate((element) => !element.isConnected));
  await operator.page.waitForSelector('.plot canvas');
  const [darkPaper, darkPlot] = await looks();
  expect(darkPaper).not.toBe(paper);
  expect(darkPlot).not.toBe(plot);
  expect(await operator.page.locator('.plot').count()).toBe(3);
  await operator.page.click('#sign-out');
  expect(await operator.page.locator('.plot').count()).toBe(0);
  expect(operator.errors).toEqual([]);
});
