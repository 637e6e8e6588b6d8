import { expect, test } from 'vitest';
import { sharedRedis, startRedis } from '../../support/redis.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { startDeafRedis } from './deaf-redis.js';
import { examineChain } from './examination.js';
import { startNginx, UPGRADING } from './nginx.js';

/** One address for both, as a browser's connections are spread by a hash of who it is. */
async function inFrontOf(...relays: readonly Relay[]): Promise<string> {
  const servers = relays.map(({ url }) => `server ${new URL(url).host};`).join(' ');
  const upstream = `hash $http_user_agent; ${servers}`;
  return (await startNginx(`location / { proxy_pass http://relay; ${UPGRADING} }`, upstream)).url;
}

test('Redis without persistence, with snapshots only and with an append-only file are told apart', async () => {
  const [bare, snapshots, durable] = await Promise.all([
    startRedis(),
    startRedis({ args: ['--save', '900 1'] }),
    startRedis({ appendonly: true }),
  ]);
  const see = async ({ url }: { url: string }) => {
    const seen = await examineChain(await startRelay({ RELAY_REDIS_URL: url }));
    expect(seen.that('FAIL')).toEqual([]);
    expect(seen.text('store')).toMatch(/^ok Redis: a probe comes back in \d+ ms/);
    return seen.text('persistence');
  };
  const [without, rdb, aof] = await Promise.all([see(bare), see(snapshots), see(durable)]);
  expect(without).toMatch(
    /^warn Redis without persistence: .*\nredis-cli CONFIG SET appendonly yes\nredis-cli CONFIG REWRITE/,
  );
  expect(rdb).toMatch(/^warn Redis takes snapshots only/);
  expect(aof).toMatch(/^ok Redis keeps an append-only file, fsync always/);
});

test('a Redis that throws data away when it is full is a warning', async () => {
  const redis = await startRedis({
    appendonly: true,
    args: ['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'],
  });
  const seen = await examineChain(await startRelay({ RELAY_REDIS_URL: redis.url }));
  expect(seen.text('persistence')).toMatch(
    /^warn .*\(allkeys-lru\).*\nredis-cli CONFIG SET maxmemory-policy noeviction/,
  );
});

test('a Redis that is away is seen in readiness and in the way through the store', async () => {
  const redis = await startRedis();
  const relay = await startRelay({ RELAY_REDIS_URL: redis.url });
  await redis.stop();
  await expect
    .poll(async () => (await fetch(`${relay.internalUrl}/health/ready`)).status, { timeout: 9_000 })
    .toBe(503);
  const seen = await examineChain(relay);
  expect(seen.text('ready')).toMatch(/^FAIL not ready, store: the last probe came back \d+ ms ago.*\nredis-cli .*ping/);
  expect(seen.text('store')).toMatch(/^FAIL Redis: probes do not come back/);
});

test('one message comes to the pages on both of two replicas; the one that is deaf is named', async () => {
  const { url, prefix } = sharedRedis();
  const line = await startDeafRedis(url);
  const store = { RELAY_REDIS_PREFIX: prefix };
  const [near, far] = await Promise.all([
    startRelay({ ...store, RELAY_REDIS_URL: url }),
    startRelay({ ...store, RELAY_REDIS_URL: line.url }),
  ]);
  const chain = { url: await inFrontOf(near, far) };
  const well = await examineChain(near, chain);
  expect(well.text('replicas')).toMatch(/^ok one message came to the pages on 2 replicas, to the last after \d+ ms/);
  expect(well.that('FAIL')).toEqual([]);

  line.deafen();
  const { replica } = await far.log('its name', (entry) => typeof entry.replica === 'string');
  const seen = await examineChain(near, chain);
  expect(seen.text('replicas')).toMatch(new RegExp(`^FAIL replica ${replica} is deaf: .*\\(1 of 2 heard it\\)`));
  expect(seen.text('replicas')).toContain(`grep ${replica}`);
  const past = await examineChain(near, { url: near.url });
  expect(past.text('replicas')).toMatch(/^warn 24 connections from here all came to replica/);
});

test('two relays that share no store are told from one that is deaf', async () => {
  const [one, other] = await Promise.all([startRelay(), startRelay()]);
  const seen = await examineChain({ url: one.url, internalUrl: other.internalUrl });
  expect(seen.text('notify')).toMatch(/^FAIL the internal API does not know the canary: .*\nRELAY_REDIS_URL=redis/);
});
