import { beforeAll, describe, expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, farApi, newId, newUser, type Site } from '../../support/deployment.js';
import { clientToken } from '../../support/tokens.js';

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
const CURSOR = expect.stringMatching(/^[0-9a-z]+\.\d+$/);

interface Stats {
  readonly replica: string;
  readonly connections: Readonly<Record<string, number>>;
  readonly users: number;
  readonly latency: { readonly deliver: { readonly count: number } };
  readonly totals: { readonly delivered: number; readonly rejected: Readonly<Record<string, number>> };
  readonly replicas: readonly { id: string; self: boolean; load: { sockets: number; version: string } | null }[];
}

describe.each(DEPLOYMENTS)('the console (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  const get = (path: string) => fetch(`${site.near.internalUrl}${path}`);
  const stats = async () => (await farApi(site).get('/stats')).body as Stats;
  const lookUp = async (user: string) => (await site.api.get(`/users/${encodeURIComponent(user)}`)).body;

  test('is a page that needs no token, loads nothing from elsewhere and runs nothing inline', async () => {
    const page = await get('/');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/html/)]);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'self'");
    expect(policy).not.toMatch(/unsafe|https?:|\*|data:/);
    const html = await page.text();
    expect(html).not.toMatch(/<script(?![^>]* src="\/)|<style|\sstyle=|\son\w+=|https?:\/\/[^<]*["']/);
    const parts = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => String(match[1]));
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) expect([part, (await get(part)).status]).toEqual([part, 200]);
  });

  test('serves its own parts and nothing beside them', async () => {
    for (const path of ['/console/', '/console/index.html', '/console/../stats.js', '/console/uplot/uPlot.cjs.js']) {
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    }
    expect((await get('/console/uplot/uPlot.esm.js')).headers.get('content-type')).toMatch(/javascript/);
  });

  test.each(['/stats', '/stats/history', '/users/17'])('gives %s to nobody without a token', async (path) => {
    const answer = await site.api.get(path, { authorize: false });
    expect([answer.status, answer.body]).toMatchObject([401, { error: { code: 'token_missing' } }]);
  });

  test.each(['/', '/stats', '/stats/history', '/users/17', '/console/console.js'])(
    'is not on the public listener: %s',
    async (path) => {
      expect((await fetch(`${site.near.url}${path}`)).status).toBe(404);
    },
  );

  test('the figures follow what happens', async () => {
    const user = newUser();
    const before = await stats();
    await connectAs(site.far, clientToken(user), { transports: ['websocket'] });
    await site.api.notify({ recipients: [user], message: { id: newId() } });
    await expect.poll(async () => (await stats()).totals.delivered).toBe(before.totals.delivered + 1);
    const after = await stats();
    expect(after.connections.websocket).toBe((before.connections.websocket ?? 0) + 1);
    expect(after.users).toBe(before.users + 1);
    expect(after.latency.deliver.count).toBeGreaterThan(0);
    await farApi(site).get('/messages/nobody/trace');
    expect((await stats()).totals.rejected.not_found).toBe((before.totals.rejected.not_found ?? 0) + 1);
  });

  test('the last hour has a list of the same length for each figure', async () => {
    const { status, body } = await site.api.get('/stats/history');
    const lengths = new Set(Object.values(body as Record<string, unknown[]>).map((list) => list.length));
    expect([status, lengths.size]).toEqual([200, 1]);
    expect(body).toMatchObject({
      at: expect.any(Array),
      deliver_p50: expect.any(Array),
      confirm_p99: expect.any(Array),
    });
  });

  test('every replica is there with its load, also as another one sees it', async () => {
    const expected = deployment === 'one replica in memory' ? 1 : 2;
    await connectAs(site.far, clientToken(newUser()));
    const { replica } = await stats();
    const seen = async () => ((await site.api.get('/stats')).body as Stats).replicas;
    expect((await seen()).length).toBe(expected);
    expect(await seen()).toContainEqual(expect.objectContaining({ since: ISO }));
    // told with the lease, of what was counted within the 10 s before
    const load = async () => (await seen()).find(({ id }) => id === replica)?.load;
    await expect.poll(async () => (await load())?.sockets ?? 0, { timeout: 15_000 }).toBeGreaterThan(0);
    expect((await load())?.version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('a lookup names sockets of any replica with what each has confirmed, and what the inbox holds', async () => {
    const user = newUser();
    const extraHeaders = { 'user-agent': '<b>a browser</b>' };
    const page = await connectAs(site.far, clientToken(user), { transports: ['websocket'], extraHeaders });
    await expect.poll(() => lookUp(user)).toMatchObject({ sockets: [{ behind: 0 }], inbox: { length: 0 } });
    const id = newId();
    await site.api.notify({ recipients: [user], message: { id, content: 'between two' } });
    await page.next('receive_message');
    await expect.poll(() => lookUp(user)).toMatchObject({ sockets: [{ confirmed: CURSOR, behind: 0 }] });
    const found = await lookUp(user);
    expect(found).toEqual({
      user,
      online: true,
      last_seen: null,
      sockets: [
        {
          id: page.socket.id,
          replica: expect.any(String),
          since: ISO,
          address: '127.0.0.1',
          user_agent: '<b>a browser</b>',
          transport: 'websocket',
          confirmed: CURSOR,
          behind: 0,
        },
      ],
      inbox: { length: 1, cursor: CURSOR, newest: [{ id, event: 'receive_message', accepted: ISO, cursor: CURSOR }] },
    });
    page.close();
    await expect.poll(() => lookUp(user)).toMatchObject({ online: false, last_seen: ISO, sockets: [] });
  });

  test('somebody whom nobody knows is told as such, and not made known by the question', async () => {
    const user = newUser();
    const nobody = {
      user,
      online: false,
      last_seen: null,
      sockets: [],
      inbox: { length: 0, cursor: null, newest: [] },
    };
    expect(await lookUp(user)).toEqual(nobody);
    expect(await lookUp(user)).toEqual(nobody);
    expect(await site.api.get('/users/%00')).toMatchObject({ status: 400 });
  });

  test('of a long inbox the ten newest are named, newest first', async () => {
    const user = newUser();
    const ids = Array.from({ length: 12 }, newId);
    for (const id of ids) await site.api.notify({ recipients: [user], message: { id } });
    const { inbox } = (await lookUp(user)) as { inbox: { length: number; newest: { id: string }[] } };
    expect([inbox.length, inbox.newest.map(({ id }) => id)]).toEqual([12, ids.slice(2).reverse()]);
  });
});
