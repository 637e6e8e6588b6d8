import { beforeAll, describe, expect, test } from 'vitest';
import { type Client, connect, connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

describe.each(DEPLOYMENTS)('meta and cursors (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment, { RELAY_INBOX_LIMIT: 5 });
  });

  const cursorOf = (answer: unknown) => (answer as { cursor: string }).cursor;
  async function sent(user: string, count: number): Promise<{ id: string }[]> {
    const messages = Array.from({ length: count }, () => ({ id: newId() }));
    for (const message of messages) await site.api.notify({ recipients: [user], message });
    return messages;
  }
  async function received(page: Client, count: number): Promise<unknown[][]> {
    const got: unknown[][] = [];
    while (got.length < count) got.push(await page.next('receive_message'));
    return got;
  }

  test('follow every durable event on sockets that asked in any way, and no other', async () => {
    const user = newUser();
    const token = clientToken(user);
    const [plain, inAuth, inWord, byCursor] = await Promise.all([
      connectAs(site.far, token),
      connectAs(site.far, token, { auth: { meta: true } }),
      connect(site.far),
      connect(site.far),
    ]);
    await inWord.ask('register_user', { token, meta: true });
    await byCursor.ask('register_user', { token, cursor: cursorOf(plain.registered) });
    const message = { id: Number(newId()), content: 'hi' };
    await site.api.notify({ recipients: [user], message });
    const meta = { id: String(message.id), cursor: expect.any(String) };
    expect(await plain.next('receive_message')).toEqual([message]);
    for (const page of [inAuth, inWord, byCursor]) {
      expect(await page.next('receive_message')).toEqual([message, meta]);
    }
    await site.api.notify({ recipients: [user], event: 'ring', durable: false, message: {} });
    for (const page of [plain, inAuth, inWord]) expect(await page.next('ring')).toEqual([{}]);
  });

  test('bring back in order what was missed, before anything newer, from whichever replica', async () => {
    const user = newUser();
    const first = await connectAs(site.near, clientToken(user), { auth: { meta: true } });
    const [kept] = await sent(user, 1);
    const [, meta] = await first.next('receive_message');
    first.close();
    const missed = await sent(user, 3);
    const back = await connectAs(site.far, clientToken(user), { auth: { cursor: cursorOf(meta) } });
    expect(back.registered).toMatchObject({ ok: true, recovered: true, replayed: 3, cursor: cursorOf(meta) });
    const later = await sent(user, 1);
    expect((await received(back, 4)).map(([message]) => message)).toEqual([...missed, ...later]);
    expect(back.received[0]?.event).toBe('registered');
    expect(back.all('receive_message')).not.toContainEqual([kept, expect.anything()]);
  });

  test('say that nothing was missed where nothing was', async () => {
    const user = newUser();
    const first = await connectAs(site.near, clientToken(user));
    const back = await connectAs(site.far, clientToken(user), { auth: { cursor: cursorOf(first.registered) } });
    expect(back.registered).toMatchObject({ recovered: true, replayed: 0 });
  });

  test('in a later register_user replay what this socket has not been sent', async () => {
    const user = newUser();
    const first = await connectAs(site.near, clientToken(user));
    const cursor = cursorOf(first.registered);
    const missed = await sent(user, 2);
    const page = await connectAs(site.far, clientToken(user));
    const [live] = await sent(user, 1);
    expect(await page.next('receive_message')).toEqual([live]);
    const answer = await page.ask('register_user', { user_id: user, cursor });
    expect(answer).toMatchObject({ ok: true, recovered: true, replayed: 2 });
    expect((await received(page, 2)).map(([message]) => message)).toEqual(missed);
    await sent(user, 1);
    await received(page, 1);
    expect(page.all('receive_message')).toHaveLength(4);
  });

  test('say so where the inbox no longer reaches back, and replay nothing', async () => {
    const user = newUser();
    const first = await connectAs(site.near, clientToken(user));
    first.close();
    await sent(user, 7);
    const back = await connectAs(site.far, clientToken(user), { auth: { cursor: cursorOf(first.registered) } });
    expect(back.registered).toMatchObject({ ok: true, recovered: false, replayed: 0 });
    const [live] = await sent(user, 1);
    expect(await back.next('receive_message')).toEqual([live, expect.anything()]);
    const edge = await connectAs(site.far, clientToken(user), { auth: { cursor: cursorOf(back.registered) } });
    expect(edge.registered).toMatchObject({ recovered: true, replayed: 1 });
  });

  test.each(['', 'garbage', 'zzzzzzzzzz.1', '0', '💬', 'x'.repeat(500)])(
    'that are none of ours (%j) are answered recovered: false',
    async (cursor) => {
      const { registered } = await connectAs(site.far, clientToken(newUser()), { auth: { cursor } });
      expect(registered).toMatchObject({ ok: true, recovered: false, replayed: 0, cursor: expect.any(String) });
    },
  );
});
