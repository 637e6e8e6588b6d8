import { expect, test } from 'vitest';
import { connectAs } from '../../support/client.js';
import { newId, newUser } from '../../support/deployment.js';
import { internalApi } from '../../support/internal.js';
import { sharedRedis, startRedis } from '../../support/redis.js';
import { startRedisLine } from '../../support/redis-line.js';
import { startRelay } from '../../support/relay.js';
import { clientToken } from '../../support/tokens.js';

test('who left while Redis was away is told of, also when it came back empty, and who stayed is not', async () => {
  const redis = await startRedis();
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url });
  const [ann, ben, cy] = [newUser(), newUser(), newUser()];
  await internalApi(relay).notify({ recipients: [ann, ben, cy], message: { id: newId(), conversation_id: newId() } });
  const [watcher, leaving, staying] = await Promise.all(
    [ann, ben, cy].map((user) => connectAs(relay, clientToken(user))),
  );
  const here = { online: true, last_seen: null };
  expect(await watcher?.ask('watch_presence', [ben, cy])).toEqual({ [ben]: here, [cy]: here });

  await redis.kill9();
  leaving?.close();
  await relay.log('that ben’s leave is not stored', ({ user, msg }) => user === ben && /leave/.test(String(msg)));
  await redis.start();
  expect(await watcher?.next('user_offline', 20_000)).toEqual([{ user_id: ben, last_seen: null }]);
  staying?.close();
  // the first that is said of this one
  expect(await watcher?.next('user_offline', 12_000)).toMatchObject([{ user_id: cy }]);
  expect(watcher?.all('user_offline')).toHaveLength(2);
  expect(watcher?.all('user_online')).toEqual([]);
}, 60_000);

test('who came while one replica had lost Redis is told of there, once', async () => {
  const { url, prefix } = sharedRedis();
  const line = await startRedisLine(Number(new URL(url).port));
  const early = await startRelay({ RELAY_REDIS_URL: url, RELAY_REDIS_PREFIX: prefix });
  const late = await startRelay({ RELAY_REDIS_URL: line.url, RELAY_REDIS_PREFIX: prefix });
  const [ann, ben, cy] = [newUser(), newUser(), newUser()];
  await internalApi(early).notify({ recipients: [ann, ben, cy], message: { id: newId(), conversation_id: newId() } });
  const watcher = await connectAs(late, clientToken(ann));
  const gone = { online: false, last_seen: null };
  expect(await watcher.ask('watch_presence', [ben, cy])).toEqual({ [ben]: gone, [cy]: gone });

  line.refuse(true);
  await connectAs(early, clientToken(ben));
  line.refuse(false);
  expect(await watcher.next('user_online', 20_000)).toEqual([{ user_id: ben, last_seen: null }]);
  await connectAs(early, clientToken(cy));
  expect(await watcher.next('user_online', 10_000)).toEqual([{ user_id: cy, last_seen: null }]);
  expect(watcher.all('user_online')).toHaveLength(2);
  expect(watcher.all('user_offline')).toEqual([]);
}, 60_000);
