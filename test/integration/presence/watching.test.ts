import { Redis } from 'ioredis';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Client, connectAs } from '../../support/client.js';
import { DEPLOYMENTS, deploy, newId, newUser, type Site } from '../../support/deployment.js';
import { startFakeBackend } from '../../support/fake-backend.js';
import { internalApi } from '../../support/internal.js';
import { startRedis } from '../../support/redis.js';
import { startRelay } from '../../support/relay.js';
import { onTeardown } from '../../support/teardown.js';
import { clientToken } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);

describe.each(DEPLOYMENTS)('watch_presence (%s)', (deployment) => {
  let site: Site;
  beforeAll(async () => {
    site = await deploy(deployment);
  });

  const page = (user: string, relay = site.far) => connectAs(relay, clientToken(user));

  async function acquainted(...users: string[]): Promise<void> {
    await site.api.notify({ recipients: users, message: { id: newId(), conversation_id: newId() } });
  }

  test('answers who is here and since when not, and leaves out strangers', async () => {
    const [ann, ben, cy, eve] = [newUser(), newUser(), newUser(), newUser()];
    await acquainted(ann, ben, cy);
    await Promise.all([page(ben, site.near), page(eve)]);
    const watcher = await page(ann);
    const answer = await watcher.ask('watch_presence', [Number(ben), cy, eve, newUser()]);
    expect(answer).toEqual({ [ben]: { online: true, last_seen: null }, [cy]: { online: false, last_seen: null } });
  });

  test('tells of coming and, 5 s after the last tab left, of going; a reload is neither', async () => {
    const [ann, ben, cy] = [newUser(), newUser(), newUser()];
    await acquainted(ann, ben, cy);
    const watcher = await page(ann);
    await watcher.ask('watch_presence', [ben, cy]);
    const first = await page(ben, site.near);
    expect(await watcher.next('user_online')).toEqual([{ user_id: ben, last_seen: null }]);
    const second = await page(ben);

    second.close();
    first.close();
    const left = performance.now();
    const reloaded = await page(ben);
    const bystander = await page(cy);
    expect(await watcher.next('user_online')).toMatchObject([{ user_id: cy }]);
    bystander.close();
    // gone after ben was, and told of before: the reload was no offline
    expect(await watcher.next('user_offline', 12_000)).toEqual([{ user_id: cy, last_seen: ISO }]);
    expect(performance.now() - left).toBeGreaterThan(4_900);
    expect(watcher.all('user_offline')).toHaveLength(1);
    expect(watcher.all('user_online')).toHaveLength(2);

    reloaded.close();
    await watcher.next('user_offline', 12_000);
    const state = (await watcher.ask('watch_presence', [ben])) as Record<string, object>;
    expect(state[ben]).toEqual({ online: false, last_seen: ISO });
  }, 40_000);

  test('tells who asked in the middle of a reload that the other is back', async () => {
    const [ann, ben] = [newUser(), newUser()];
    await acquainted(ann, ben);
    const [watcher, early, leaving] = await Promise.all([page(ann), page(ann), page(ben, site.near)]);
    await early.ask('watch_presence', [ben]);
    leaving.close();
    const asked = async () => (await watcher.ask('watch_presence', [ben])) as Record<string, { online: boolean }>;
    await until('ben to be away', async () => (await asked())[ben]?.online === false);
    await page(ben);
    expect(await watcher.next('user_online')).toEqual([{ user_id: ben, last_seen: null }]);
    // one who was told that ben is here has heard nothing of it
    expect(early.all('user_online')).toEqual([]);
  });

  test('asks for ids, and few enough', async () => {
    const watcher = await page(newUser());
    const refused = { ok: false, error: { code: 'invalid_payload', message: expect.any(String) } };
    expect(await watcher.ask('watch_presence', [{}])).toEqual(refused);
    expect(await watcher.ask('watch_presence', [])).toEqual({});
  });

  test('ends with the socket that asked', async () => {
    const [ann, ben] = [newUser(), newUser()];
    await acquainted(ann, ben);
    const [gone, stays]: Client[] = await Promise.all([page(ann), page(ann)]);
    await Promise.all([gone?.ask('watch_presence', [ben]), stays?.ask('watch_presence', [ben])]);
    gone?.close();
    await page(ben, site.near);
    await stays?.next('user_online');
    expect(gone?.all('user_online')).toEqual([]);
  });
});

test('the members that the backend names may be watched as well', async () => {
  const [ann, ben] = [newUser(), newUser()];
  const backend = await startFakeBackend(() => ({ members: [ann, ben] }));
  const { far } = await deploy('one replica in memory', { RELAY_BACKEND_URL: backend.url });
  const watcher = await connectAs(far, clientToken(ann));
  await watcher.ask('typing', { conversation_id: 5 });
  await until('ben to be known', async () => ben in ((await watcher.ask('watch_presence', [ben])) as object));
});

test('where Redis refused to have someone watched, who asks later is told all the same', async () => {
  const redis = await startRedis();
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url });
  const admin = new Redis(redis.url);
  onTeardown(() => admin.disconnect());
  const [ann, ben, cy] = [newUser(), newUser(), newUser()];
  await internalApi(relay).notify({ recipients: [ann, ben, cy], message: { id: newId(), conversation_id: newId() } });
  const [first, second] = await Promise.all([ann, ben].map((user) => connectAs(relay, clientToken(user))));
  // as long as it has no copy of its data it writes nothing
  await admin.config('SET', 'min-replicas-to-write', '1');
  expect(await first?.ask('watch_presence', [cy])).toMatchObject({ ok: false, error: { code: 'store_unavailable' } });
  await admin.config('SET', 'min-replicas-to-write', '0');
  expect(await second?.ask('watch_presence', [cy])).toEqual({ [cy]: { online: false, last_seen: null } });
  await connectAs(relay, clientToken(cy));
  expect(await second?.next('user_online')).toEqual([{ user_id: cy, last_seen: null }]);
});
