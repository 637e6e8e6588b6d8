import { beforeAll, describe, expect, test } from 'vitest';
import { connect, connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newUser, type Site } from '../../support/deployment.js';
import { openRawPage } from '../../support/raw-page.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
const ODD = ['a,b', 'a/b', '17?x=1', 'Zoë 💬', '{user}', 'a}b', '100%', 'a+b', '..', '%2C', "a'b", '__proto__'];

describe.each(DEPLOYMENTS)('presence for PHP (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  const users = async (...ids: string[]) => {
    const { body } = await site.api.get(`/presence?users=${ids.map(encodeURIComponent).join(',')}`);
    return (body as { users: Record<string, unknown> }).users;
  };

  test('counts the sockets of each user on all replicas', async () => {
    const [ann, ben] = [newUser(), newUser()];
    await Promise.all([connectAs(site.near, clientToken(ann)), connectAs(site.far, clientToken(ann))]);
    expect(await users(ann, ben)).toEqual({
      [ann]: { online: true, sockets: 2, last_seen: null },
      [ben]: { online: false, sockets: 0, last_seen: null },
    });
  });

  test('tells of 10,000 users of 20 characters at once, and of no more', async () => {
    const here = newUser();
    await connectAs(site.far, clientToken(here));
    const ids = Array.from({ length: 9_999 }, (_, index) => `user-${String(index).padStart(15, '0')}`);
    const { status, body } = await site.api.get(`/presence?users=${[...ids, here].join(',')}`);
    const { users: found = {} } = body as { users?: Record<string, unknown> };
    expect([status, Object.keys(found).length, found[here]]).toMatchObject([200, 10_000, { online: true }]);
    const over = await site.api.get(`/presence?users=${[...ids, here, 'one-more'].join(',')}`);
    expect(over).toMatchObject({ status: 400, body: { error: { details: [{ path: '/users' }] } } });
  });

  test('has a user without sockets offline at once, with the time', async () => {
    const user = newUser();
    const page = await connectAs(site.far, clientToken(user));
    page.close();
    await expect.poll(() => users(user)).toEqual({ [user]: { online: false, sockets: 0, last_seen: ISO } });
  });

  test('names the sockets of one user', async () => {
    const user = newUser();
    const extraHeaders = { 'user-agent': 'a browser of the test' };
    const page = await connectAs(site.far, clientToken(user), { transports: ['websocket'], extraHeaders });
    const other = await connectAs(site.near, clientToken(user), { transports: ['polling'] });
    const { status, body } = await site.api.get(`/presence/${user}`);
    const { sockets } = body as { sockets: { id: string; replica: string; transport: string }[] };
    expect([status, sockets.length]).toEqual([200, 2]);
    const own = { since: ISO, address: '127.0.0.1', replica: expect.any(String) };
    const agent = { user_agent: extraHeaders['user-agent'] };
    expect(sockets).toContainEqual({ ...own, ...agent, id: page.socket.id, transport: 'websocket' });
    expect(sockets).toContainEqual(expect.objectContaining({ ...own, id: other.socket.id, transport: 'polling' }));
    const replicas = new Set(sockets.map(({ replica }) => replica));
    expect(replicas.size).toBe(deployment === 'one replica in memory' ? 1 : 2);
    expect((await site.api.get(`/presence/${newUser()}`)).body).toMatchObject({ sockets: [] });
  });

  test('says by what way a socket goes now: by WebSocket once it is upgraded', async () => {
    const [user, late] = [newUser(), newUser()];
    const transports = async (of: string) => {
      const { body } = await site.api.get(`/presence/${of}`);
      return (body as { sockets: { transport: string }[] }).sockets.map(({ transport }) => transport);
    };
    await openRawPage(site.far, {
      before: [['register_user', { token: clientToken(user) }]],
      meanwhile: () => expect.poll(() => transports(user)).toEqual(['polling']),
    });
    await expect.poll(() => transports(user)).toEqual(['websocket']);
    const shown = await site.api.get(`/users/${user}`);
    expect(shown.body).toMatchObject({ sockets: [{ transport: 'websocket' }] });

    const page = await openRawPage(site.far);
    page.emit('register_user', { token: clientToken(late) });
    await page.next('registered');
    expect(await transports(late)).toEqual(['websocket']);
  });

  test.each(ODD)('knows the id %s, percent-encoded in paths and lists', async (id) => {
    await connectAs(site.far, clientToken(id));
    const plain = newUser();
    const found = await users(id, plain);
    expect(Object.keys(found)).toHaveLength(2);
    expect(Object.entries(found)).toContainEqual([id, { online: true, sockets: 1, last_seen: null }]);
    const { status, body } = await site.api.get(`/presence/${encodeURIComponent(id).replaceAll('.', '%2E')}`);
    // a path of dots alone is folded by URL parsers before it is sent, whatever is encoded
    if (id !== '..') expect([status, body]).toMatchObject([200, { user: id, sockets: [{}] }]);
    expect(await site.api.notify({ recipients: [id], durable: false, message: {} })).toMatchObject({
      status: 200,
      body: { delivered: [id] },
    });
    expect(await site.api.post('/disconnect', { user: id })).toMatchObject({ status: 200, body: { closed: 1 } });
  });

  test.each(['/presence', '/presence?users=', '/presence?users=a,,b', '/presence?users=%00', '/presence?users=%ff'])(
    'answers %s with 400',
    async (path) => {
      const { status, body } = await site.api.get(path);
      expect([status, body]).toMatchObject([400, { error: { code: 'invalid_body' } }]);
    },
  );

  test('sends a user away for good, on every replica, told why', async () => {
    const [user, other] = [newUser(), newUser()];
    const pages = await Promise.all([site.near, site.far].map((relay) => connectAs(relay, clientToken(user))));
    const bystander = await connectAs(site.far, clientToken(other));
    const ends = Promise.all(pages.map((page) => page.disconnected()));
    const { status, body } = await site.api.post('/disconnect', { user: Number(user), reason: 'logged_out' });
    expect([status, body]).toEqual([200, { closed: 2 }]);
    for (const page of pages) expect(await page.next('disconnected')).toEqual([{ reason: 'logged_out' }]);
    expect(await ends).toEqual(['io server disconnect', 'io server disconnect']);
    expect(pages.map((page) => page.socket.active)).toEqual([false, false]);
    expect(bystander.socket.connected).toBe(true);
    expect((await site.api.post('/disconnect', { user })).body).toEqual({ closed: 0 });
  });

  test('does not count as sent away who is being closed already, and is not told', async () => {
    const user = newUser();
    const base = `${site.far.url}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1)) as { sid: string };
    const post = (body: string) => fetch(`${base}&sid=${sid}`, { method: 'POST', body });
    await post(`40${JSON.stringify({ token: clientToken(user) })}`);
    await until('the registration', async () => {
      const seen = await users(user);
      return (seen[user] as { online: boolean }).online;
    });
    // too large: it is closed, which it hears of with its next poll
    await post(`42${JSON.stringify(['typing', 'x'.repeat(100_000)])}`);
    expect((await site.api.post('/disconnect', { user })).body).toEqual({ closed: 0 });
    const heard = await (await fetch(`${base}&sid=${sid}`)).text();
    expect(heard).toContain('payload_too_large');
    expect(heard).not.toContain('disconnected');
  });

  test.each([{}, { user: null }, { user: '' }, { user: 1, reason: 5 }, [], 'user'])(
    'answers a disconnect of %j with 400',
    async (body) => {
      expect(await site.api.post('/disconnect', body)).toMatchObject({ status: 400 });
    },
  );

  test('does not count a socket that has no user', async () => {
    const user = newUser();
    const page = await connect(site.far);
    await page.ask('register_user', user);
    expect(await users(user)).toMatchObject({ [user]: { online: false } });
  });
});
