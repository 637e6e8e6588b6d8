import { beforeAll, describe, expect, test } from 'vitest';
import { connect, connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import { openRawPage, openRawSocket } from '../../support/raw-page.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

describe.each(DEPLOYMENTS)('a page that claims who it is (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    const backend = await startFakeBackend(({ action, cookie, event }) =>
      action === 'identify'
        ? { user_id: /user=(\d+)/.exec(String(cookie))?.[1] ?? null }
        : { emit: [{ event: `${event}_answer`, data: {} }] },
    );
    site = await deploy(deployment, {
      RELAY_IDENTITY: 'token,session,claim',
      RELAY_BACKEND_URL: backend.url,
      RELAY_REGISTER_TIMEOUT: 3,
    });
  });

  const mismatches = async () => {
    const text = await (await fetch(`${site.far.internalUrl}/metrics`)).text();
    return Number(/^relay_identity_mismatch_total (\d+)/m.exec(text)?.[1]);
  };

  test('is believed by the bare number, as the lost server did', async () => {
    const user = newUser();
    const page = await connect(site.far);
    page.emit('register_user', Number(user));
    expect(await page.next('registered')).toEqual([expect.objectContaining({ ok: true, user_id: user })]);
    await site.api.notify({ recipients: [user], message: { id: newId() } });
    await page.next('receive_message');
  });

  test('moves to another user with another register_user', async () => {
    const [first, second] = [newUser(), newUser()];
    const page = await connect(site.far);
    expect(await page.ask('register_user', first)).toMatchObject({ ok: true, user_id: first });
    expect(await page.ask('register_user', second)).toMatchObject({ ok: true, user_id: second });
    const { body } = await site.api.notify({ recipients: [first, second], message: { id: newId() } });
    expect(body).toMatchObject({ delivered: [second], offline: [first] });
    await page.next('receive_message');
    expect(page.all('receive_message')).toHaveLength(1);
  });

  test('is the other user for all that it says behind that', async () => {
    const page = await connect(site.far);
    await page.ask('register_user', newUser());
    const done: string[] = [];
    page.emit('register_user', newUser(), () => done.push('registered'));
    page.emit('watch_presence', [], () => done.push('behind it'));
    await until('both answers', () => done.length === 2);
    expect(done).toEqual(['registered', 'behind it']);
  });

  test.each<[string, (user: number) => unknown]>([
    ['getUnreadCount', (user) => user],
    ['getUnreadConversations', (user) => user],
    ['get_conversation', (user) => ({ current_user_id: String(user), recipient_id: 1 })],
    ['send_message', (user) => ({ conversation_id: '5', sender_id: String(user), content: 'hi' })],
    ['typing', (user) => ({ conversation_id: '5', user_id: String(user), is_typing: true })],
  ])('is known again without any cookie by its own id in %s', async (event, payload) => {
    const user = newUser();
    const page = await connect(site.far);
    page.emit(event, payload(Number(user)));
    expect(await page.next('registered')).toEqual([expect.objectContaining({ ok: true, user_id: user })]);
  });

  test('is not known by ids that are not its own', async () => {
    const page = await connect(site.far);
    const answer = await page.ask('get_messages', { conversation_id: newUser(), user_id: 3 });
    expect(answer).toMatchObject({ ok: false, error: { code: 'proof_missing' } });
  });

  test('loses against its own token, and each such claim is counted', async () => {
    const [user, other] = [newUser(), newUser()];
    const before = await mismatches();
    const page = await connectAs(site.far, clientToken(user));
    expect(await page.ask('register_user', other)).toMatchObject({ ok: false, error: { code: 'identity_mismatch' } });
    expect(await mismatches()).toBe(before + 1);
  });

  test('loses against its session, also where the cookie comes later with the upgrade', async () => {
    const [user, other] = [newUser(), newUser()];
    const before = await mismatches();
    const headers = { cookie: `PHPSESSID=${newId()}; user=${user}` };
    const page = await openRawPage(site.far, { before: [['register_user', other]], headers });
    await until('a refusal', () => page.events.some(([, answer]) => JSON.stringify(answer).includes('mismatch')));
    expect(await mismatches()).toBeGreaterThan(before);
  });

  test('that its session contradicts is not the one that the browser is recognised as from then on', async () => {
    const [user, other] = [newUser(), newUser()];
    const believed = () =>
      until('the claim to be believed', async () => {
        const { body } = await site.api.get(`/presence/${other}`);
        return (body as { sockets: unknown[] }).sockets.length === 1;
      });
    const page = await openRawPage(site.far, {
      before: [['register_user', Number(other)]],
      meanwhile: believed,
      headers: { cookie: `PHPSESSID=${newId()}; user=${user}` },
    });
    expect(await page.next('relay_error')).toMatchObject({ code: 'identity_mismatch' });
    const device = page.setCookie?.split(';')[0] ?? '';
    expect(device).toMatch(/^relay_device=/);
    const back = await openRawSocket(site.far, { cookie: device });
    expect(back.setCookie).toBeUndefined();
    expect(await back.next('relay_error')).toMatchObject({ code: 'register_timeout' });
    expect(back.events.map(([name]) => name)).not.toContain('registered');
  });

  test('is believed on a WebSocket of its own at once', async () => {
    const user = newUser();
    const page = await openRawSocket(site.far);
    page.emit('register_user', { userId: user, role: 'tutor' });
    expect(await page.next('registered')).toMatchObject({ ok: true, user_id: user });
  });
});
