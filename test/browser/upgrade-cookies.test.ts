import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, it } from 'vitest';
import { person, startChromium } from '../support/chromium.js';
import { startFakeBackend } from '../support/fake-backend.js';
import { internalApi } from '../support/internal.js';
import { startRelay } from '../support/relay.js';
import { onTeardown } from '../support/teardown.js';

/** Of the old page: the client with all its defaults, and everything by handlers of one argument. */
const page = (relay: string) => `<!doctype html>
  <script src="${relay}/socket.io/socket.io.js"></script>
  <script>
    const registered = [], shown = [];
    const socket = io('${relay}');
    socket.on('registered', (answer) => registered.push(answer));
    socket.on('receive_message', (...args) => shown.push(args));
    socket.emit('register_user', 17);
  </script>`;

/** The site, on another port of the relay's host, with a session cookie that no script and no other site can use. */
async function startSite(relay: string): Promise<string> {
  const site = createServer((_request, response) => {
    response.setHeader('set-cookie', 'PHPSESSID=session-of-17; Path=/; HttpOnly; SameSite=Strict');
    response.setHeader('content-type', 'text/html').end(page(relay));
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  onTeardown(async () => {
    site.closeAllConnections();
    site.close();
    await once(site, 'close');
  });
  const address = site.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`;
}

it('an unmodified page that polls first is known by the session cookie of its upgrade', async () => {
  const backend = await startFakeBackend(({ cookie }) => ({
    user_id: String(cookie).includes('PHPSESSID=session-of-17') ? 17 : null,
  }));
  const relay = await startRelay({ RELAY_IDENTITY: 'session', RELAY_BACKEND_URL: backend.url });
  const { page: tab, errors } = await person(await startChromium());
  const polls: Promise<string | undefined>[] = [];
  tab.on('request', (request) => {
    if (!request.url().includes('transport=polling')) return;
    polls.push(request.allHeaders().then(({ cookie }) => cookie));
  });
  await tab.goto(await startSite(relay.url));

  // by the cookie, and then by what the page said over polling, which was held until then
  const registered = { ok: true, user_id: '17', recovered: null, replayed: 0 };
  await expect.poll(() => tab.evaluate('registered')).toMatchObject([registered, registered]);
  expect(polls.length).toBeGreaterThan(0);
  expect((await Promise.all(polls)).filter((cookie) => cookie !== undefined)).toEqual([]);
  expect(backend.callsOf('identify').map(({ cookie }) => cookie)).toEqual(['PHPSESSID=session-of-17']);
  expect(backend.faults).toEqual([]);

  const message = { id: 1, conversation_id: 5, content: 'hi' };
  await internalApi(relay).notify({ recipients: [17], message });
  await expect.poll(() => tab.evaluate('shown')).toEqual([[message]]);
  expect(errors).toEqual([]);
});

it('another id than the cookie stands for is refused, and the page stays who it is', async () => {
  const backend = await startFakeBackend(() => ({ user_id: 42 }));
  const relay = await startRelay({ RELAY_IDENTITY: 'session', RELAY_BACKEND_URL: backend.url });
  const { page: tab } = await person(await startChromium());
  await tab.goto(await startSite(relay.url));
  await expect
    .poll(() => tab.evaluate('registered'))
    .toMatchObject([
      { ok: true, user_id: '42' },
      { ok: false, error: { code: 'identity_mismatch' } },
    ]);
});
