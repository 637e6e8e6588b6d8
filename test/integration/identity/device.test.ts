import { beforeAll, describe, expect, test } from 'vitest';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import { openRawPage, openRawSocket, type RawPage } from '../../support/raw-page.js';
import { until } from '../../support/until.js';

/** What a browser sends back of a `Set-Cookie`. */
function cookieFrom({ setCookie }: RawPage): string {
  const pair = setCookie?.split(';')[0];
  if (pair === undefined) throw new Error('the 101 response set no cookie');
  return pair;
}

describe.each(DEPLOYMENTS)('the cookie relay_device (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment, { RELAY_IDENTITY: 'claim', RELAY_REGISTER_TIMEOUT: 2 });
  });

  async function registered(user: string): Promise<RawPage> {
    const page = await openRawPage(site.near, { before: [['register_user', Number(user)]] });
    expect(await page.next('registered')).toMatchObject({ ok: true, user_id: user });
    return page;
  }

  test('is set in the 101 response, hidden from scripts, and not again for one who has it', async () => {
    const page = await registered(newUser());
    expect(page.setCookie).toMatch(/^relay_device=[\w.-]+;.*HttpOnly/i);
    const again = await openRawPage(site.far, { headers: { cookie: `a=b; ${cookieFrom(page)}` } });
    expect(again.setCookie).toBeUndefined();
  });

  test('makes a page that says nothing after a reconnect the user it was, on any replica', async () => {
    const user = newUser();
    const cookie = cookieFrom(await registered(user));
    for (const relay of [site.far, site.near]) {
      const polled = await openRawPage(relay, { headers: { cookie } });
      expect(await polled.next('registered')).toMatchObject({ ok: true, user_id: user });
      const direct = await openRawSocket(relay, { cookie });
      expect(await direct.next('registered')).toMatchObject({ ok: true, user_id: user });
    }
  });

  test('is worth nothing with a changed signature, name or host', async () => {
    const cookie = cookieFrom(await registered(newUser()));
    const last = cookie.at(-5) === 'A' ? 'B' : 'A';
    const forged = `${cookie.slice(0, -5)}${last}${cookie.slice(-4)}`;
    const renamed = cookie.replace(/=(.)/, (_, first) => (first === 'A' ? '=B' : '=A'));
    for (const headers of [{ cookie: forged }, { cookie: renamed }, { cookie, host: 'elsewhere.example' }]) {
      const page = await openRawSocket(site.far, headers);
      expect(page.setCookie).toMatch(/^relay_device=/);
      page.emit('typing', { conversation_id: 5 });
      expect(await page.next('relay_error')).toMatchObject({ code: 'register_timeout' });
      expect(page.events.map(([name]) => name)).not.toContain('registered');
    }
  });

  test('moves to the user of a later register_user', async () => {
    const [first, second] = [newUser(), newUser()];
    const page = await registered(first);
    page.emit('register_user', second);
    expect(await page.next('registered', 2)).toMatchObject({ ok: true, user_id: second });
    const back = await openRawPage(site.far, { headers: { cookie: cookieFrom(page) } });
    expect(await back.next('registered')).toMatchObject({ ok: true, user_id: second });
  });

  test('brings a browser that was dropped what it had not confirmed', async () => {
    const user = newUser();
    const page = await registered(user);
    page.drop();
    const [first, second] = [newId(), newId()];
    for (const id of [first, second]) await site.api.notify({ recipients: [user], message: { id } });
    const back = await openRawPage(site.far, { headers: { cookie: cookieFrom(page) } });
    await back.next('receive_message', 2);
    const ids = back.events.filter(([name]) => name === 'receive_message').map(([, message]) => message);
    expect(ids).toEqual([{ id: first }, { id: second }]);
  });

  const messagesOf = ({ events }: RawPage) =>
    events.filter(([name]) => name === 'receive_message').map(([, message]) => message);

  /** As a page closes that is left, and one whose browser says that it is offline: without a code. */
  async function closed(page: RawPage, user: string): Promise<void> {
    page.close();
    await until('the page to be gone', async () => {
      const { body } = await site.api.get(`/presence/${user}`);
      return (body as { sockets: unknown[] }).sockets.length === 0;
    });
  }

  test('brings a page what came while its browser was offline, each time', async () => {
    const user = newUser();
    const page = await registered(user);
    const cookie = cookieFrom(page);
    await closed(page, user);
    for (const relay of [site.far, site.near]) {
      const missed = [newId(), newId()];
      for (const id of missed) await site.api.notify({ recipients: [user], message: { id } });
      const back = await openRawPage(relay, { headers: { cookie } });
      await back.next('receive_message', 2);
      expect(messagesOf(back)).toEqual(missed.map((id) => ({ id })));
      await until('its confirmation', async () => {
        const { body } = await site.api.get(`/messages/${missed[1]}/trace`);
        return (body as { recipients: Record<string, { confirmed: unknown }> }).recipients[user]?.confirmed;
      });
      await closed(back, user);
    }
  });

  test('brings nothing to a page that was left and is loaded anew: it says who it is, and loads its history', async () => {
    const user = newUser();
    const page = await registered(user);
    await closed(page, user);
    const missed = newId();
    await site.api.notify({ recipients: [user], message: { id: missed } });
    const headers = { cookie: cookieFrom(page) };
    const polled = await openRawPage(site.far, { headers, before: [['register_user', Number(user)]] });
    const direct = await openRawSocket(site.near, headers, [['register_user', Number(user)]]);
    for (const loaded of [polled, direct]) {
      await loaded.next('registered');
      const live = newId();
      await site.api.notify({ recipients: [user], message: { id: live } });
      await until('the live message', () => JSON.stringify(messagesOf(loaded)).includes(live));
      expect(messagesOf(loaded)).not.toContainEqual({ id: missed });
    }
  });
});

test('no cookie is set where no claim is believed', async () => {
  const { near } = await deploy('one replica in memory');
  expect((await openRawSocket(near)).setCookie).toBeUndefined();
});

test.each(DEPLOYMENTS)(
  'recognises also a browser whose session was known before it was set (%s)',
  async (deployment) => {
    const user = newUser();
    const backend = await startFakeBackend(() => ({ user_id: user }));
    const identity = { RELAY_IDENTITY: 'session,claim', RELAY_BACKEND_URL: backend.url };
    const site = await deploy(deployment, identity);
    const online = async () => {
      const { body } = await site.api.get(`/presence?users=${user}`);
      return (body as { users: Record<string, { online: boolean }> }).users[user]?.online;
    };
    const cookie = 'PHPSESSID=before';
    const known = () => until('the registration', online);
    const page = await openRawPage(site.near, { polling: { cookie }, headers: { cookie }, meanwhile: known });
    // in turn behind the upgrade
    page.emit('register_user', user);
    await page.next('registered', 2);
    page.drop();
    const missed = newId();
    await site.api.notify({ recipients: [user], message: { id: missed } });
    const anew = { cookie: `PHPSESSID=after; ${cookieFrom(page)}` };
    const back = await openRawPage(site.far, { polling: anew, headers: anew });
    expect(await back.next('registered')).toMatchObject({ ok: true, user_id: user, recovered: true, replayed: 1 });
    expect(await back.next('receive_message')).toEqual({ id: missed });
  },
);
