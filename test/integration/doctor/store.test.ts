import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis as Client } from 'ioredis';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkStore } from '../../../relay/cli/checks/store.js';
import { type Redis, sharedRedis, startRedis } from '../../support/redis.js';
import { type Relay, startRelay } from '../../support/relay.js';
import { onTeardown } from '../../support/teardown.js';
import { until } from '../../support/until.js';
import { startDeafRedis } from './deaf-redis.js';
import { examineChain } from './examination.js';
import { startNginx, UPGRADING } from './nginx.js';

/** One address for both, as a browser's connections are spread by a hash of who it is. */
async function inFrontOf(...relays: readonly Relay[]): Promise<string> {
  const servers = relays.map(({ url }) => `server ${new URL(url).host};`).join(' ');
  const upstream = `hash $http_user_agent; ${servers}`;
  return (await startNginx(`location / { proxy_pass http://relay; ${UPGRADING} }`, upstream)).url;
}

let redis: Redis;
let relay: Relay;

beforeAll(async () => {
  redis = await startRedis();
  relay = await startRelay({ RELAY_REDIS_URL: redis.url });
});

test('Redis without persistence, with snapshots only and with an append-only file are told apart', async () => {
  const admin = new Client(redis.url);
  onTeardown(() => admin.disconnect());
  const see = async (...settings: readonly string[]) => {
    await admin.config('SET', ...settings);
    const seen = await examineChain(relay);
    expect(seen.that('FAIL')).toEqual([]);
    expect(seen.text('store')).toMatch(/^ok Redis: a probe comes back in \d+ ms/);
    return seen.text('persistence');
  };
  expect(await see('save', '')).toMatch(
    /^warn Redis without persistence: .*\nredis-cli CONFIG SET appendonly yes\nredis-cli CONFIG REWRITE/,
  );
  expect(await see('save', '900 1')).toMatch(/^warn Redis takes snapshots only/);
  expect(await see('appendonly', 'yes')).toMatch(/^ok Redis keeps an append-only file, fsync everysec/);
  // until the file is there, Redis does not let itself be stopped
  const written = async () => (await admin.info('persistence')).includes('aof_rewrite_in_progress:0');
  await until('the append-only file to be written', written);
  expect(await see('appendfsync', 'no')).toMatch(/^warn .*\nredis-cli CONFIG SET appendfsync everysec/);
  expect(await see('maxmemory', '50mb', 'maxmemory-policy', 'allkeys-lru')).toMatch(
    /^warn Redis throws data away .*\(allkeys-lru\).*\nredis-cli CONFIG SET maxmemory-policy noeviction/,
  );
});

test('a Redis that refuses every write is told, though what is published comes through', async () => {
  const unwilling = await startRedis({ args: ['--enable-protected-configs', 'yes'] });
  const own = await startRelay({ RELAY_REDIS_URL: unwilling.url });
  const admin = new Client(unwilling.url);
  onTeardown(() => admin.disconnect());
  const dir = await mkdtemp(join(tmpdir(), 'relay-doctor-'));
  const [, right = ''] = (await admin.config('GET', 'dir')) as string[];
  await admin.config('SET', 'appendonly', 'yes');
  await until('the append-only file to be written', async () => {
    return (await admin.info('persistence')).includes('aof_rewrite_in_progress:0');
  });
  await admin.config('SET', 'save', '900 1', 'dir', dir);
  await rm(dir, { recursive: true });
  const bgsave = async (status: string) => {
    await admin.bgsave();
    const saved = async () => {
      const info = await admin.info('persistence');
      return info.includes('rdb_bgsave_in_progress:0') && info.includes(`rdb_last_bgsave_status:${status}`);
    };
    await until('the snapshot', saved);
  };
  await bgsave('err');
  await expect(admin.set('anything', 1)).rejects.toThrow(/MISCONF/);
  const seen = await examineChain(own);
  expect(seen.text('persistence')).toMatch(
    /^FAIL Redis refuses every write, since its last snapshot failed.*\ndf -h\nredis-cli INFO pers/,
  );
  expect(seen.that('FAIL')).toEqual(['persistence']);
  expect(seen.text('notify')).toMatch(/^unchecked Redis refuses/);

  const ready = async () => (await fetch(`${own.internalUrl}/health/ready`)).status;
  await until('the relay to notice', async () => (await ready()) === 503);
  const noticed = await examineChain(own);
  expect(noticed.that('FAIL')).toEqual(['persistence']);
  expect(noticed.text('store')).toMatch(/^ok Redis: a probe comes back/);
  expect(noticed.text('ready')).toMatch(/^unchecked not ready, store: Redis takes no writes: MISCONF/);

  await admin.config('SET', 'stop-writes-on-bgsave-error', 'no');
  await until('the relay to be ready', async () => (await ready()) === 200);
  const lenient = await examineChain(own);
  expect(lenient.text('persistence')).toMatch(/^ok/);
  expect(lenient.that('FAIL')).toEqual([]);

  await admin.config('SET', 'stop-writes-on-bgsave-error', 'yes', 'dir', right);
  await bgsave('ok');
  expect((await examineChain(own)).that('FAIL')).toEqual([]);

  await admin.config('SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction');
  await until('the relay to notice that it is full', async () => (await ready()) === 503);
  const full = await examineChain(own);
  expect(full.text('persistence')).toMatch(
    /^FAIL Redis refuses every write: OOM command not .*\nredis-cli INFO memory/,
  );
  expect(full.that('FAIL')).toEqual(['persistence']);
  expect(full.text('notify')).toMatch(/^unchecked Redis refuses/);

  await admin.config('SET', 'maxmemory', '0', 'min-replicas-to-write', '1');
  const told = async () => (await examineChain(own)).text('persistence');
  await until('the relay to notice that replicas are away', async () => /NOREPLICAS/.test(await told()));
  expect(await told()).toMatch(/^FAIL .*\nredis-cli INFO replication .*\nredis-cli CONFIG SET min-replicas-to-write 0/);
});

describe('a Redis whose append-only file fails', () => {
  /** Its folder is made before Redis needs it: what stands in Redis's way there does so for root as well. */
  async function failing(obstruct: (folder: string) => Promise<unknown>) {
    const own = await startRedis();
    const seenBy = await startRelay({ RELAY_REDIS_URL: own.url });
    const admin = new Client(own.url);
    onTeardown(() => admin.disconnect());
    const setting = async (name: string) => ((await admin.config('GET', name)) as string[])[1] ?? '';
    const folder = join(await setting('dir'), await setting('appenddirname'));
    await mkdir(folder);
    await obstruct(folder);
    const says = async (line: string) => (await admin.info('persistence')).includes(line);
    await admin.config('SET', 'appendonly', 'yes');
    return { admin, folder, says, examine: () => examineChain(seenBy) };
  }

  test('for want of room is told, and that it refuses every write', async () => {
    const { admin, says, examine } = await failing((folder) =>
      symlink('/dev/full', join(folder, 'temp-appendonly.aof.incr')),
    );
    // until then what is in the way would still be there when the file is begun anew
    await until('the file to take its place', () => says('aof_rewrite_in_progress:0'));
    const refusal = async () =>
      admin.set('anything', 1).then(
        () => '',
        (error: Error) => error.message,
      );
    await until('writes to be refused', async () => /MISCONF.*AOF/.test(await refusal()));
    const seen = await examine();
    expect(seen.text('persistence')).toMatch(
      /^FAIL Redis refuses every write, since it cannot write its append-only file.*\ndf -h\nredis-cli INFO pers/,
    );
    expect(seen.that('FAIL')).toEqual(['persistence']);
    expect(seen.text('notify')).toMatch(/^unchecked Redis refuses/);

    await admin.config('SET', 'appendonly', 'no');
    await admin.config('SET', 'appendonly', 'yes');
    await until('the file to be written', () => says('aof_rewrite_in_progress:0'));
    const mended = await examine();
    expect(mended.text('persistence')).toMatch(/^ok/);
    expect(mended.that('FAIL')).toEqual([]);
  });

  test('before there is one is told, though it takes every write', async () => {
    const obstacle = (folder: string) => join(folder, 'appendonly.aof.1.base.rdb');
    const { admin, folder, says, examine } = await failing((at) => mkdir(obstacle(at)));
    await until('the rewrite to fail', () => says('aof_last_bgrewrite_status:err'));
    await admin.set('anything', 1);
    const seen = await examine();
    expect(seen.text('persistence')).toMatch(
      /^warn Redis cannot rewrite its append-only file.*\ndf -h\n.*\n.*\nredis-cli BGREWRITEAOF/,
    );
    expect(seen.that('FAIL')).toEqual([]);

    await rm(obstacle(folder), { recursive: true });
    await until('a rewrite that works', async () => {
      if (await says('aof_last_bgrewrite_status:ok')) return true;
      await admin.bgrewriteaof();
      return false;
    });
    expect((await examine()).text('persistence')).toMatch(/^ok/);
  });
});

test('a Redis that keeps its settings to itself may refuse writes once a snapshot failed', () => {
  const persisted = { aof_enabled: true, aof_ok: true, aof_fsync: 'everysec', maxmemory_policy: 'noeviction' };
  const see = (persistence: object) => {
    const store = { kind: 'redis', up: true, probe_seconds: 0.001, persistence: { ...persisted, ...persistence } };
    const [, finding] = checkStore({ store }, true);
    return `${finding?.verdict} ${finding?.message}\n${finding?.mend.join('\n')}`;
  };
  const unknown = { rdb_enabled: null, rdb_stops_writes: null };
  expect(see({ ...unknown, rdb_ok: false })).toMatch(/^warn Redis's last snapshot failed.*\ndf -h\n/);
  expect(see({ ...unknown, rdb_ok: true })).toMatch(/^ok /);
});

test('a Redis that is away is seen in readiness and in the way through the store', async () => {
  await redis.stop();
  const ready = async () => (await fetch(`${relay.internalUrl}/health/ready`)).status;
  await expect.poll(ready, { timeout: 9_000 }).toBe(503);
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
