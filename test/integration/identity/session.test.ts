import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ClientOptions, connect, connectAs, open } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { type FakeBackend, startFakeBackend } from '../../support/fake-backend.js';
import { openRawPage, openRawSocket } from '../../support/raw-page.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

describe.each(DEPLOYMENTS)("a browser with the site's session (%s)", (deployment) => {
  let backend: FakeBackend;
  let site: Site;
  beforeAll(async () => {
    backend = await startFakeBackend();
    const identity = { RELAY_IDENTITY: 'token,session', RELAY_BACKEND_URL: backend.url };
    site = await deploy(deployment, { ...identity, RELAY_REGISTER_TIMEOUT: 2 });
  });
  beforeEach(() => {
    backend.answer = ({ cookie }) => ({ user_id: /user=(\d+)/.exec(String(cookie))?.[1] ?? null });
  });

  const cookieOf = (user: string) => ({ cookie: `PHPSESSID=${newId()}; user=${user}` });
  /** As a browser does it: no cookie on XHR, all of the site's on the upgrade. */
  const withCookie = (cookie: string): ClientOptions => ({
    transportOptions: { websocket: { extraHeaders: { cookie } } },
  });

  test('is known by the cookie of its WebSocket handshake, without register_user', async () => {
    const user = newUser();
    const page = await openRawSocket(site.far, cookieOf(user));
    expect(await page.next('registered')).toMatchObject({ ok: true, user_id: user, recovered: null });
  });

  test('is known by the cookie of the upgrade when its polling carried none', async () => {
    const user = newUser();
    const { cookie } = cookieOf(user);
    const page = open(site.far, withCookie(cookie));
    page.emit('register_user', Number(user));
    expect(await page.next('registered')).toEqual([expect.objectContaining({ ok: true, user_id: user })]);
    expect(backend.calls).toContainEqual({ action: 'identify', cookie });
    expect(backend.faults).toEqual([]);
  });

  test('has its register_user over polling wait for the cookie, and each registration told of', async () => {
    const user = newUser();
    const said = [['register_user', Number(user)]];
    const page = await openRawPage(site.far, { before: said, headers: cookieOf(user) });
    expect(await page.next('registered')).toMatchObject({ ok: true, user_id: user });
  });

  test('is not there when it has gone before the site said whose it is', async () => {
    const user = newUser();
    const { cookie } = cookieOf(user);
    const released: (() => void)[] = [];
    backend.answer = (_, response) => void released.push(() => response.end(JSON.stringify({ user_id: user })));
    const gone = await openRawSocket(site.far, { cookie });
    await until('the question who it is', () => released.length === 1);
    gone.drop();
    await until('its end', async () => {
      const text = await (await fetch(`${site.far.internalUrl}/metrics`)).text();
      return /^relay_connections\{transport="websocket"\} 0$/m.test(text);
    });
    released[0]?.();
    // another browser of the same user, which does not ask after the first one, and comes behind it in all that follows
    const back = await openRawSocket(site.far, cookieOf(user));
    await until('its question', () => released.length === 2);
    released[1]?.();
    await back.next('registered');
    const { body } = await site.api.get(`/presence/${user}`);
    expect(body).toMatchObject({ sockets: [expect.anything()] });
  });

  test('is asked for once by cookie, however many tabs there are and however often they come back', async () => {
    const user = newUser();
    const { cookie } = cookieOf(user);
    const tabs = await Promise.all(Array.from({ length: 5 }, () => openRawSocket(site.far, { cookie })));
    for (const tab of tabs) expect(await tab.next('registered')).toMatchObject({ ok: true });
    const later = await openRawSocket(site.far, { cookie });
    expect(await later.next('registered')).toMatchObject({ ok: true, user_id: user });
    expect(backend.calls.filter((call) => call.cookie === cookie)).toHaveLength(1);
  });

  test('is refused the id of another, and that counts nowhere as the other', async () => {
    const [user, other] = [newUser(), newUser()];
    const page = await openRawPage(site.far, { before: [['register_user', Number(other)]], headers: cookieOf(user) });
    const refused = await page.next('registered', 1);
    const second = refused && (refused as { ok: boolean }).ok ? await page.next('registered', 2) : refused;
    expect(second).toMatchObject({ ok: false, error: { code: 'identity_mismatch' } });
    const { body } = await site.api.get(`/presence?users=${other}`);
    expect(body).toMatchObject({ users: { [other]: { online: false } } });
  });

  test.each<[string, FakeBackend['answer']]>([
    ["is another's by now", () => ({ user_id: newUser() })],
    ['cannot be looked up', (_, response) => void response.writeHead(500).end()],
  ])('that %s changes nothing for a page with a token', async (_, answer) => {
    const user = newUser();
    backend.answer = answer;
    const { cookie } = cookieOf(user);
    const asked = backend.callsOf('identify').length;
    const page = await connectAs(site.far, clientToken(user), withCookie(cookie));
    await until('the upgrade', () => page.socket.io.engine.transport.name === 'websocket');
    await site.api.notify({ recipients: [user], message: { id: 'live' } });
    expect(await page.next('receive_message')).toEqual([{ id: 'live' }]);
    expect(page.received.filter(({ event }) => event === 'registered' || event === 'relay_error')).toHaveLength(1);
    expect(backend.callsOf('identify')).toHaveLength(asked);
  });

  test('that belongs to nobody is no proof: register_user is refused, a token still counts', async () => {
    const user = newUser();
    const page = await openRawSocket(site.far, { cookie: 'PHPSESSID=nobody' });
    page.emit('register_user', Number(user));
    expect(await page.next('registered')).toMatchObject({ ok: false, error: { code: 'proof_missing' } });
    page.emit('register_user', { token: clientToken(user) });
    expect(await page.next('registered', 2)).toMatchObject({ ok: true, user_id: user });
  });

  test('that never shows a cookie is closed after the register timeout', async () => {
    const page = await connect(site.far, { transports: ['polling'] });
    page.emit('register_user', Number(newUser()));
    expect(await page.next('relay_error')).toEqual([expect.objectContaining({ code: 'register_timeout' })]);
  });

  test('keeps working where the backend is down, for cookies that it knew; others are told', async () => {
    const user = newUser();
    const { cookie } = cookieOf(user);
    await (await openRawSocket(site.far, { cookie })).next('registered');
    await backend.down();
    try {
      const known = await openRawSocket(site.far, { cookie });
      expect(await known.next('registered')).toMatchObject({ ok: true, user_id: user });
      const unknown = await openRawSocket(site.far, cookieOf(newUser()));
      expect(await unknown.next('registered')).toMatchObject({ ok: false, error: { code: 'backend_unavailable' } });
    } finally {
      await backend.up();
    }
  });
});
